"""Every order, page by page, in a bounded time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from coffeert.domain.order_query import ListPlace, OrderQuery
from coffeert.domain.orders import MIN_PLACED_AT, Order
from coffeert.errors import FieldError, Invalid, Unavailable
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.read_pool import ConnectionSource

PAGE_SECONDS: Final = 3.0
COUNT_SECONDS: Final = 0.5
EXPORT_SECONDS: Final = 10.0
"""For each `EXPORT_ROWS`: an export has the time that it needs as long as it finds something."""

EXPORT_ROWS: Final = 500
"""Few enough to be written down between two frames of the dashboards."""

_ANSWER_SECONDS: Final = 2.0  # beyond the statement's own limit, for a server that does not answer
_WAIT_SECONDS: Final = 2.0
_EXPORT_WAIT_SECONDS: Final = 30.0
_END: Final = datetime(2100, 1, 1, tzinfo=UTC)
_TOP: Final = ListPlace(_END, UUID(int=(1 << 128) - 1))


class FoundOrder(msgspec.Struct, frozen=True):
    """An order, and the correction that voids it, if there is one."""

    order: Order
    voided_by: UUID | None = None
    voided_at: datetime | None = None


class OrderPage(msgspec.Struct, frozen=True):
    """Orders, newest first; `next` is where the next page begins, `None` after the last one.

    `total` is how many orders match at this instant; `None` if it was not counted, or not in time.
    """

    orders: tuple[FoundOrder, ...]
    next: ListPlace | None = None
    total: int | None = None


class OrderArchive:
    """Reads orders over a pool of its own, so that a search takes no connection from those who sell.

    At most as many reads run as the pool has connections. Raises `DatabaseUnavailable`, `Unavailable` if
    other searches have not ended within two seconds, and `Invalid` for what cannot be found in time.
    """

    def __init__(self, pool: ConnectionSource) -> None:
        self._pool = pool

    async def page(
        self,
        wanted: OrderQuery,
        behind: ListPlace | None = None,
        *,
        limit: int,
        counted: bool = True,
        within: float = PAGE_SECONDS,
    ) -> OrderPage:
        """Read up to `limit` orders that match, newest first, and how many match; voids are none.

        `within` is in seconds.
        """
        async with self._reading(within, _WAIT_SECONDS) as connection:
            values = await _conditions(connection, wanted)
            found = await _read(connection, values, behind, limit + 1, within, with_voids=False)
            total = await _count(connection, values) if counted else None
        orders = tuple(FoundOrder(_order(row), *row[-2:]) for row in found[:limit])
        more = len(found) > limit
        return OrderPage(orders, ListPlace.behind(orders[-1].order) if more else None, total)

    async def rows(self, wanted: OrderQuery) -> AsyncIterator[list[Order]]:
        """Read all orders that match, and their voids as rows of their own, newest first.

        No connection is held while the caller does something with them.
        """
        behind: ListPlace | None = None
        while True:
            async with self._reading(EXPORT_SECONDS, _EXPORT_WAIT_SECONDS) as connection:
                values = await _conditions(connection, wanted)
                found = await _read(
                    connection, values, behind, EXPORT_ROWS, EXPORT_SECONDS, with_voids=True
                )
            orders = [_order(row) for row in found]
            if orders:
                yield orders
            if len(orders) < EXPORT_ROWS:
                return
            behind = ListPlace.behind(orders[-1])

    @asynccontextmanager
    async def _reading(self, within: float, wait: float) -> AsyncIterator[Connection]:
        # All that is read comes from one snapshot, so that a total agrees with its page.
        with translate_errors():
            try:
                connection = await self._pool.acquire(timeout=wait)
            except TimeoutError:
                raise Unavailable(
                    "Other searches of the orders have not ended yet.", retry_after=1
                ) from None
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    await _limit_time(connection, within)
                    try:
                        yield connection
                    except TimeoutError:
                        connection.terminate()  # it would not answer the end of the transaction either
                        raise
            except asyncpg.QueryCanceledError:
                raise _too_slow(within) from None
            finally:
                await self._pool.release(connection, timeout=_ANSWER_SECONDS)


async def _conditions(connection: Connection, wanted: OrderQuery) -> list[Any]:
    """Return the parameters $1 to $12 of `order_page`."""
    stores, begins, ends = await _bounds(connection, wanted)
    return [
        list(wanted.stores),
        list(wanted.drinks),
        list(wanted.sources),
        wanted.receipt,
        wanted.import_number,
        wanted.min_price,
        wanted.max_price,
        min(begins),
        max(ends),
        stores,
        begins,
        ends,
    ]


async def _bounds(
    connection: Connection, wanted: OrderQuery
) -> tuple[list[str | None], list[datetime], list[datetime]]:
    """Return stores, and when the time asked for begins and ends there; `None` stands for all others."""
    first, last = wanted.first, wanted.last
    first_day = None if isinstance(first, datetime) else first
    last_day = None if isinstance(last, datetime) else last
    begin = first if isinstance(first, datetime) else MIN_PLACED_AT
    end = last if isinstance(last, datetime) else _END
    if first_day is None and last_day is None:
        return [None], [begin], [end]
    rows = await connection.fetch(sql("day_bounds"), first_day, last_day)
    if first_day is not None and any(row["begins"] is None for row in rows):
        raise _no_such_day("from")
    if last_day is not None and any(row["ends"] is None for row in rows):
        raise _no_such_day("to")
    return (
        [row["store"] for row in rows],
        [row["begins"] or begin for row in rows],
        [row["ends"] or end for row in rows],
    )


async def _read(
    connection: Connection,
    values: Sequence[Any],
    behind: ListPlace | None,
    limit: int,
    within: float,
    *,
    with_voids: bool,
) -> list[asyncpg.Record]:
    place = behind or _TOP
    return await connection.fetch(
        sql("order_page"),
        *values,
        place.placed_at,
        place.order_id,
        limit,
        with_voids,
        timeout=within + _ANSWER_SECONDS,
    )


async def _count(connection: Connection, values: Sequence[Any]) -> int | None:
    try:
        async with connection.transaction():
            await _limit_time(connection, COUNT_SECONDS)
            counted: int = await connection.fetchval(
                sql("order_count"), *values, timeout=COUNT_SECONDS + _ANSWER_SECONDS
            )
    except asyncpg.QueryCanceledError:
        return None
    return counted


async def _limit_time(connection: Connection, seconds: float) -> None:
    await connection.execute(sql("limit_time"), f"{round(seconds * 1000)}ms")


def _order(row: asyncpg.Record) -> Order:
    return Order(*row[:-2])


def _too_slow(within: float) -> Invalid:
    return Invalid(
        f"The orders that match lie too far apart to be found within {within:g} seconds. "
        "Narrow the search by days, with from and to.",
        errors=(FieldError("from", "must be later, or to earlier"),),
    )


def _no_such_day(field: str) -> Invalid:
    message = "must be a day from 2000-01-01 to 2099-12-31"
    return Invalid(
        f"The days cannot be used: {field} {message}.", errors=(FieldError(field, message),)
    )
