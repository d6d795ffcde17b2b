"""The table of orders: inserting a batch, and finding orders by key."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import asyncpg

from coffeert.domain.orders import Order
from coffeert.domain.watermark import Xid
from coffeert.errors import DatabaseUnavailable
from coffeert.postgres.array_text import order_arrays
from coffeert.postgres.pool import Leased, Pool
from coffeert.postgres.queries import sql

# PostgreSQL answered, so the transaction is certainly rolled back; a value was at fault.
_DATA_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
# The server is going away: a statement in progress may have been committed.
_SHUTDOWN = (asyncpg.AdminShutdownError, asyncpg.CrashShutdownError)
_BROKEN_LINK = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    *_SHUTDOWN,
)


class NotStored(DatabaseUnavailable):
    """PostgreSQL did not store the orders, and it is certain that it did not."""


class BadValue(DatabaseUnavailable):
    """PostgreSQL refused a value in the batch, so it stored none of it."""


class CommitUnknown(DatabaseUnavailable):
    """The connection to PostgreSQL broke while the batch was being committed."""


class Inserted(NamedTuple):
    """How many orders of a batch were new, and the transaction that stored them."""

    xid: Xid
    new: int


class Stored(NamedTuple):
    """An order in the table, and the transaction that stored it."""

    order: Order
    xid: Xid


class OrderRepository:
    """Inserts and finds orders over a pool of connections; `close` it before the pool.

    Up to `max_idle` connections that have inserted are kept, which must be fewer than the pool has: to
    acquire one for each batch takes as long as to send it.

    `insert_timeout` and `find_timeout` are in seconds: how long to wait for an answer before the connection
    is closed.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        max_idle: int = 0,
        insert_timeout: float = 5.0,
        find_timeout: float = 1.0,
    ) -> None:
        self._pool = pool
        self._insert_timeout = insert_timeout
        self._find_timeout = find_timeout
        self._insert = sql("insert_orders")
        self._find = sql("find_orders")
        self._max_idle = max_idle
        self._idle: list[Leased] = []

    @property
    def idle_connections(self) -> int:
        """How many connections are kept out of the pool and idle."""
        return len(self._idle)

    async def close(self) -> None:
        """Release the connections to the pool."""
        while self._idle:
            await self._release(self._idle.pop())

    async def insert(self, orders: Sequence[Order]) -> Inserted:
        """Store orders sorted by id in one statement and one commit.

        Raises `NotStored`, `BadValue` (nothing was stored), or `CommitUnknown`.
        """
        arrays = order_arrays(orders)
        connection = await self._take_connection()
        healthy = False
        try:
            row = await connection.fetchrow(self._insert, *arrays, timeout=self._insert_timeout)
        except _DATA_ERRORS as error:
            raise BadValue(f"PostgreSQL refused a value: {error}") from error
        except _BROKEN_LINK as error:
            _terminate(connection)
            raise CommitUnknown("The connection to PostgreSQL broke during the commit.") from error
        except asyncpg.PostgresError as error:
            raise NotStored(f"PostgreSQL could not store the orders: {error}") from error
        else:
            healthy = True
        finally:
            if healthy and len(self._idle) < self._max_idle:
                self._idle.append(connection)
            else:
                await self._release(connection)
        assert row is not None
        return Inserted(Xid(row["xid"]), row["new"])

    async def find(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Return the orders that exist among these ids; raises `DatabaseUnavailable`."""
        connection = await self._acquire(self._find_timeout)
        try:
            rows = await connection.fetch(self._find, order_ids, timeout=self._find_timeout)
        except (*_BROKEN_LINK, asyncpg.PostgresError) as error:
            _terminate(connection)
            raise DatabaseUnavailable("PostgreSQL cannot be read.") from error
        finally:
            await self._release(connection)
        return {row["order_id"]: Stored(Order(*row[1:]), Xid(row["xid"])) for row in rows}

    async def _take_connection(self) -> Leased:
        while self._idle:
            connection = self._idle.pop()
            if _is_open(connection):
                return connection
            await self._release(connection)
        return await self._acquire(self._insert_timeout)

    async def _acquire(self, within: float) -> Leased:
        try:
            return await self._pool.acquire(timeout=within)
        except (*_BROKEN_LINK, asyncpg.PostgresError) as error:
            raise NotStored("PostgreSQL cannot be reached.") from error

    async def _release(self, connection: Leased) -> None:
        # A terminated or broken connection cannot be released in order; the pool replaces it.
        try:
            await self._pool.release(connection, timeout=self._find_timeout)
        except (*_BROKEN_LINK, asyncpg.PostgresError):
            return


def _is_open(connection: Leased) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # it broke and is detached from the pool
        return False


def _terminate(connection: Leased) -> None:
    # A connection that broke by itself is detached from the pool already and refuses every call.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()
