"""The role that a server works under: it adds orders and cannot change them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from coffeert.errors import ConfigError
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.queries import sql


async def grant_serving(url: str, role: str) -> None:
    """Grant an existing role what serving needs, and revoke all else that it had on our tables.

    Raises `ConfigError` if there is no such role, or if it could change orders all the same (the owner, a
    superuser, a member of a role that may); then nothing was changed.
    """
    async with _granting(url, role) as connection:
        await connection.execute("SELECT set_config('coffeert.serving_role', $1, true)", role)
        await connection.execute(sql("grant_serving"))
        if await connection.fetchval(sql("can_change_orders"), role):
            raise ConfigError(
                f"The role {role!r} could change orders, as their owner, a superuser or a member "
                "of another role: serve under another."
            )


async def grant_feed(url: str, role: str) -> None:
    """Let an existing role read the change feed in SQL, and nothing else; raises `ConfigError`."""
    async with _granting(url, role) as connection:
        await connection.execute("SELECT set_config('coffeert.feed_role', $1, true)", role)
        await connection.execute(sql("grant_feed"))


@asynccontextmanager
async def _granting(url: str, role: str) -> AsyncIterator[Connection]:
    """Give a connection in a transaction; raises `ConfigError` if there is no such role."""
    if not role:
        raise _no_such(role)
    connection = await connect(url, application_name="coffeert migrate")
    try:
        with translate_errors():
            async with connection.transaction():
                yield connection
    except asyncpg.UndefinedObjectError:
        raise _no_such(role) from None
    finally:
        await close(connection)


def _no_such(role: str) -> ConfigError:
    return ConfigError(f"There is no role {role!r}; make one first with CREATE ROLE ... LOGIN.")
