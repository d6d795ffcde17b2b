"""Connections to PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from coffeert.postgres.errors import translate_connect_errors

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


async def open_pool(url: str, *, size: int, application_name: str) -> Pool:
    """Open a pool of `size` connections.

    Raises `DatabaseUnavailable` if PostgreSQL cannot be reached now.
    """
    with translate_connect_errors():
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            max_inactive_connection_lifetime=0,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings=_settings(application_name),
            reset=_skip_reset,
        )
    assert pool is not None
    return pool


async def _skip_reset(connection: Connection) -> None:
    """Do nothing when a connection is released.

    None of our statements change the session, and the pool's usual reset costs a round trip a batch.
    """


async def connect(url: str, *, application_name: str) -> Connection:
    """Open one connection; raises `DatabaseUnavailable` if PostgreSQL cannot be reached."""
    with translate_connect_errors():
        return await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_SECONDS, server_settings=_settings(application_name)
        )


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
