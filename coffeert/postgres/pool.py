"""Connections to PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from coffeert.postgres.connecting import DatabaseConnection, open_connection
from coffeert.postgres.errors import translate_connect_errors
from coffeert.postgres_url import SessionKind

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Leased: TypeAlias = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | Leased
else:
    Pool = asyncpg.Pool
    Leased = asyncpg.pool.PoolConnectionProxy
    Connection = asyncpg.Connection

_CLOSE_TIMEOUT_SECONDS = 2.0


async def open_pool(
    url: str,
    *,
    size: int,
    application_name: str,
    min_size: int = 1,
    several: SessionKind = "primary",
) -> Pool:
    """Open a pool of `size` connections, of which `min_size` are opened now.

    `several` is the kind of session wanted of several hosts. Raises `ConfigError`, and
    `DatabaseUnavailable` if PostgreSQL cannot be reached now.
    """

    async def connect_one(*_: Any, **__: Any) -> DatabaseConnection:
        return await open_connection(url, application_name=application_name, several=several)

    with translate_connect_errors():
        pool = await asyncpg.create_pool(
            min_size=min_size,
            max_size=size,
            max_inactive_connection_lifetime=0,
            connect=connect_one,
            connection_class=DatabaseConnection,
            reset=_skip_reset,
        )
    assert pool is not None
    return pool


async def _skip_reset(connection: Connection) -> None:
    """Do nothing when a connection is released.

    None of our statements change the session, and the pool's usual reset costs a round trip a batch.
    """


async def connect(url: str, *, application_name: str) -> Connection:
    """Open one connection; raises `ConfigError`, and `DatabaseUnavailable` if that is not possible."""
    return await open_connection(url, application_name=application_name)


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
