"""Connections to PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from coffeert.postgres.errors import translate_connect_errors
from coffeert.postgres.queries import sql

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Leased: TypeAlias = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | Leased
else:
    Pool = asyncpg.Pool
    Leased = asyncpg.pool.PoolConnectionProxy
    Connection = asyncpg.Connection

CONNECT_TIMEOUT_SECONDS = 5.0
_CLOSE_TIMEOUT_SECONDS = 2.0


async def open_pool(url: str, *, size: int, application_name: str, min_size: int = 1) -> Pool:
    """Open a pool of `size` connections, of which `min_size` are opened now.

    Raises `DatabaseUnavailable` if PostgreSQL cannot be reached now.
    """
    with translate_connect_errors():
        pool = await asyncpg.create_pool(
            url,
            min_size=min_size,
            max_size=size,
            max_inactive_connection_lifetime=0,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings=_settings(application_name),
            init=_wait_for_disk,
            reset=_skip_reset,
        )
    assert pool is not None
    return pool


async def _skip_reset(connection: Connection) -> None:
    """Do nothing when a connection is released.

    None of our statements change the session, and the pool's usual reset costs a round trip a batch.
    """


async def _wait_for_disk(connection: Connection) -> None:
    """Have every commit of a new connection wait until it is on disk, whatever the database's default is.

    Not by the startup packet, which would also replace a stronger setting.
    """
    await connection.execute(sql("wait_for_disk"), timeout=CONNECT_TIMEOUT_SECONDS)


async def connect(url: str, *, application_name: str) -> Connection:
    """Open one connection; raises `DatabaseUnavailable` if PostgreSQL cannot be reached."""
    with translate_connect_errors():
        connection: Connection = await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_SECONDS, server_settings=_settings(application_name)
        )
        try:
            await _wait_for_disk(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection


async def close(connection: Connection) -> None:
    """Close a connection, whatever state it is in."""
    try:
        await connection.close(timeout=_CLOSE_TIMEOUT_SECONDS)
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    ):  # broken: nothing to close
        connection.terminate()


def _settings(application_name: str) -> dict[str, str]:
    # Compiling a plan takes longer than running it, for all of our statements that run often.
    return {"application_name": application_name, "jit": "off", "timezone": "UTC"}
