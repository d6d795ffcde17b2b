"""The table of orders: inserting a batch, and finding orders by key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import asyncpg

from coffeert.domain.orders import Order
from coffeert.domain.watermark import Xid
from coffeert.errors import DatabaseUnavailable
from coffeert.postgres.array_text import order_arrays
from coffeert.postgres.errors import sentence_of
from coffeert.postgres.pool import Connection, Leased, Pool
from coffeert.postgres.queries import sql

# PostgreSQL answered, so the transaction is certainly rolled back; a value was at fault.
_DATA_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
# The next attempt may succeed; that a session is read-only shows in its status.
_PASSING = (
    asyncpg.TransactionRollbackError,
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,
)
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


class InsertRefused(NotStored):
    """PostgreSQL answers, and refuses every order for a reason that stays, such as a full disk."""


class BadValue(DatabaseUnavailable):
    """PostgreSQL refused a value in the batch, so it stored none of it."""


class KeyLocked(DatabaseUnavailable):
    """A transaction that stays open holds a key of the batch, so PostgreSQL stored none of it."""


class CommitUnknown(DatabaseUnavailable):
    """Whether the batch is stored, and on the synchronous standbys too, is not known."""


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
    is closed. A backend that commits does not notice that, and waits for its synchronous standby as long as
    that is away. While such a backend runs, nothing is inserted: each attempt would leave a further one.
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
        self._max_idle = max_idle
        self._idle: list[Leased] = []
        self._abandoned: set[int] = set()
        self._warned: set[Connection] = set()

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

        Raises `NotStored`, `InsertRefused`, `BadValue`, `KeyLocked` (nothing was stored), or
        `CommitUnknown`.
        """
        try:
            row = await self._commit(self._insert, *order_arrays(orders))
        except _DATA_ERRORS as error:
            raise BadValue(f"PostgreSQL refused a value: {error}") from error
        except asyncpg.LockNotAvailableError as error:
            raise KeyLocked("An open transaction holds an order's key.") from error
        except asyncpg.PostgresError as error:
            refusal = NotStored if isinstance(error, _PASSING) else InsertRefused
            raise refusal(sentence_of(error)) from error
        return Inserted(Xid(row["xid"]), row["new"])

    async def find(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Return the orders that exist among these ids; raises `DatabaseUnavailable`.

        They need not be on the synchronous standbys yet: before one is acknowledged, an insert that met its
        key, or `wait_for_standbys`, must have returned.
        """
        rows = await self._read(sql("find_orders"), order_ids)
        return {row["order_id"]: Stored(Order(*row[1:]), Xid(row["xid"])) for row in rows}

    async def find_voids(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Return the corrections of these orders, by the order's id; raises as `find` does."""
        rows = await self._read(sql("find_voids"), order_ids)
        found = await self.find([row["order_id"] for row in rows]) if rows else {}
        return {stored.order.voids: stored for stored in found.values() if stored.order.voids}

    async def wait_for_standbys(self) -> None:
        """Return when everything that can be read is on the synchronous standbys.

        Raises `DatabaseUnavailable`.
        """
        try:
            await self._commit(sql("wait_for_standbys"))
        except asyncpg.PostgresError as error:
            raise DatabaseUnavailable("PostgreSQL cannot commit.") from error

    async def unresolved_commits(self) -> int:
        """Return how many backends are still committing although their connections are closed.

        Raises `DatabaseUnavailable`.
        """
        if asked := set(self._abandoned):
            rows = await self._read(sql("running_backends"), list(asked))
            self._abandoned -= asked.difference(row["pid"] for row in rows)
        return len(self._abandoned)

    async def _commit(self, query: str, *values: object) -> asyncpg.Record:
        """Run a statement that commits, and return its row; raises `NotStored`, `CommitUnknown`."""
        if self._abandoned and await self.unresolved_commits():
            raise NotStored("An earlier commit has not ended; is the synchronous standby away?")
        connection = await self._take_connection()
        backend = connection.get_server_pid()
        # Not by asyncpg's timeout, which asks PostgreSQL to cancel. In a commit that ends the wait for the
        # standby, and the row becomes visible without being there.
        timeout = asyncio.get_running_loop().call_later(
            self._insert_timeout, _terminate, connection
        )
        healthy = False
        try:
            row = await connection.fetchrow(query, *values)
            healthy = connection not in self._warned
        except _SHUTDOWN as error:
            raise CommitUnknown("PostgreSQL ended the connection during the commit.") from error
        except _BROKEN_LINK as error:
            self._abandoned.add(backend)
            raise CommitUnknown("The connection to PostgreSQL broke during the commit.") from error
        finally:
            timeout.cancel()
            if healthy and len(self._idle) < self._max_idle:
                self._idle.append(connection)
            else:
                await self._release(connection)
        if not healthy:
            raise CommitUnknown("PostgreSQL did not wait for its synchronous standby.")
        assert row is not None
        return row

    async def _read(self, query: str, keys: Sequence[object]) -> list[asyncpg.Record]:
        connection = await self._acquire(self._find_timeout)
        try:
            return await connection.fetch(query, keys, timeout=self._find_timeout)
        except (*_BROKEN_LINK, asyncpg.PostgresError) as error:
            _terminate(connection)
            raise NotStored("PostgreSQL cannot be read.") from error
        finally:
            await self._release(connection)

    async def _take_connection(self) -> Leased:
        while self._idle:
            connection = self._idle.pop()
            if _is_open(connection):
                return connection
            await self._release(connection)
        connection = await self._acquire(self._insert_timeout)
        connection.add_log_listener(self._note_warning)
        return connection

    def _note_warning(self, connection: Connection, message: asyncpg.PostgresLogMessage) -> None:
        # The one warning that our statements meet: somebody cancelled the wait for the standby, and
        # PostgreSQL calls the commit done all the same.
        if message.severity_en == "WARNING":
            self._warned.add(connection)

    async def _acquire(self, within: float) -> Leased:
        try:
            return await self._pool.acquire(timeout=within)
        except DatabaseUnavailable as error:
            raise NotStored(str(error)) from error
        except (*_BROKEN_LINK, asyncpg.PostgresError) as error:
            raise NotStored("PostgreSQL cannot be reached.") from error

    async def _release(self, connection: Leased) -> None:
        self._warned.discard(connection)
        with suppress(asyncpg.InterfaceError):
            connection.remove_log_listener(self._note_warning)
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
