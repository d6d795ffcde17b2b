"""The table of orders, as the intake uses it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from coffeert.domain.orders import Order
from coffeert.domain.watermark import Xid
from coffeert.errors import DatabaseUnavailable
from coffeert.postgres.pool import Leased, Pool
from coffeert.postgres.queries import sql

# PostgreSQL answered, so the transaction is certainly gone; these say that a value was at fault.
_DATA_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
# The server went away: a statement under way may have been committed.
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

    `at_hand` connections that have inserted are kept, fewer than the pool has: to lease one for each
    batch takes as long as to send it.

    `insert_timeout` and `find_timeout` are in seconds: how long a PostgreSQL that says nothing is
    waited for before its connection is given up.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        at_hand: int = 0,
        insert_timeout: float = 5.0,
        find_timeout: float = 1.0,
    ) -> None:
        self._pool = pool
        self._insert_timeout = insert_timeout
        self._find_timeout = find_timeout
        self._insert = sql("insert_orders")
        self._find = sql("find_orders")
        self._at_hand_most = at_hand
        self._at_hand: list[Leased] = []

    @property
    def at_hand(self) -> int:
        """How many connections are kept and idle."""
        return len(self._at_hand)

    async def close(self) -> None:
        """Give the connections back to the pool."""
        while self._at_hand:
            await self._release(self._at_hand.pop())

    async def insert(self, orders: Sequence[Order]) -> Inserted:
        """Store orders sorted by id in one statement and one commit.

        Raises `NotStored`, `BadValue` (nothing was stored), or `CommitUnknown`.
        """
        arrays = _columns(orders)
        connection = await self._one_at_hand()
        sound = False
        try:
            row = await connection.fetchrow(self._insert, *arrays, timeout=self._insert_timeout)
        except _DATA_ERRORS as error:
            raise BadValue(f"PostgreSQL refused a value: {error}") from error
        except _BROKEN_LINK as error:
            _cut(connection)
            raise CommitUnknown("The connection to PostgreSQL broke during the commit.") from error
        except asyncpg.PostgresError as error:
            raise NotStored(f"PostgreSQL could not store the orders: {error}") from error
        else:
            sound = True
        finally:
            if sound and len(self._at_hand) < self._at_hand_most:
                self._at_hand.append(connection)
            else:
                await self._release(connection)
        assert row is not None
        return Inserted(Xid(row["xid"]), row["new"])

    async def find(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Read the orders that exist among these ids; raises `DatabaseUnavailable`."""
        connection = await self._acquire(self._find_timeout)
        try:
            rows = await connection.fetch(self._find, order_ids, timeout=self._find_timeout)
        except (*_BROKEN_LINK, asyncpg.PostgresError) as error:
            _cut(connection)
            raise DatabaseUnavailable("PostgreSQL cannot be read.") from error
        finally:
            await self._release(connection)
        return {row["order_id"]: Stored(Order(*row[1:]), Xid(row["xid"])) for row in rows}

    async def _one_at_hand(self) -> Leased:
        while self._at_hand:
            connection = self._at_hand.pop()
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
        # One that was terminated or broke cannot be released in order; the pool writes it off.
        try:
            await self._pool.release(connection, timeout=self._find_timeout)
        except (*_BROKEN_LINK, asyncpg.PostgresError):
            return


def _is_open(connection: Leased) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # it broke, and has left the pool's hands
        return False


def _cut(connection: Leased) -> None:
    # One that broke by itself has left the pool's hands already, and cannot be told anything.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


_encode = msgspec.json.Encoder().encode


def _columns(orders: Sequence[Order]) -> list[str]:
    """Write orders as the arrays that insert_orders takes."""
    ids, placed, received, quantities, prices, stores, drinks, voids = zip(
        *(
            (
                order.order_id,
                order.placed_at,
                order.received_at,
                order.quantity,
                order.price_cents,
                order.store,
                order.drink,
                order.voids,
            )
            for order in orders
        ),
        strict=True,
    )
    return [
        _array(ids),
        _array(_once(placed)),
        _array(_once(received)),
        _array(quantities),
        _array(prices),
        _array(stores),
        _array(drinks),
        _array(voids) if any(voids) else "{}",
    ]


def _once(moments: tuple[datetime, ...]) -> tuple[datetime, ...]:
    # The lines of a batch that was sent as one share the moment of its receipt.
    first = moments[0]
    return (first,) if moments[-1] is first and moments.count(first) == len(moments) else moments


def _array(values: tuple[Any, ...]) -> str:
    """Write values as PostgreSQL's text of an array.

    The driver's own way asks of each value whether it is an array itself, which takes seven times as
    long (docs/performance.md). Ids, times and numbers are the same in JSON, `null` included.
    """
    if isinstance(values[0], str):
        quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
        return '{"' + '","'.join(quoted) + '"}'
    return "{" + _encode(values)[1:-1].decode() + "}"
