"""What is true: the table of orders, asked in plain SQL, and what a dashboard makes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg

from coffeert.client import DashboardFeed, OrderClient
from coffeert.domain.rollups import GRAINS, CellKey, Cells, Totals
from coffeert.wire.frames import Snapshot, change_from
from tests.waiting import POLL, WITHIN

_CELLS = """
SELECT extract(epoch FROM date_trunc($1, placed_at, 'UTC'))::bigint, store, drink,
       sum(sign(quantity)), sum(quantity), sum(quantity::bigint * price_cents)
FROM orders
WHERE ($2::timestamptz IS NULL OR placed_at <= $2)
GROUP BY 1, 2, 3
"""


class Ledger:
    """Reads the database past all of our own code."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection

    async def count(self) -> int:
        """Count the rows."""
        return int(await self._connection.fetchval("SELECT count(*) FROM orders"))

    async def ids(self) -> Counter[UUID]:
        """Read which orders there are, and how often."""
        rows = await self._connection.fetch("SELECT order_id FROM orders")
        return Counter(row["order_id"] for row in rows)

    async def cells(self, at: datetime | None = None) -> Cells:
        """Sum all orders at all grains; with `at`, those placed until then."""
        cells: Cells = {}
        for grain in GRAINS:
            for bucket, store, drink, *sums in await self._connection.fetch(_CELLS, grain, at):
                cells[CellKey(grain, bucket, store, drink)] = Totals(*(int(s) for s in sums))
        return {key: tally for key, tally in cells.items() if tally != (0, 0, 0)}

    async def between(self, start: datetime, end: datetime) -> dict[tuple[str, str], Totals]:
        """Sum the orders placed from `start` to `end`, both included, by store and drink."""
        rows = await self._connection.fetch(
            "SELECT store, drink, sum(sign(quantity)), sum(quantity),"
            " sum(quantity::bigint * price_cents) FROM orders"
            " WHERE placed_at BETWEEN $1 AND $2 GROUP BY 1, 2",
            start,
            end,
        )
        return {(row[0], row[1]): Totals(*(int(value) for value in row[2:])) for row in rows}

    async def total(self) -> Totals:
        """Sum all orders."""
        row = await self._connection.fetchrow(
            "SELECT coalesce(sum(sign(quantity)), 0), coalesce(sum(quantity), 0),"
            " coalesce(sum(quantity::bigint * price_cents), 0) FROM orders"
        )
        assert row is not None
        return Totals(*(int(value) for value in row))

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Block all writes of orders while the block runs."""
        async with self._connection.transaction():
            await self._connection.execute("LOCK TABLE orders IN EXCLUSIVE MODE")
            yield

    async def someone_waits(self) -> None:
        """Wait until a writer waits for what `locked` holds."""
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted"
        )
        async with asyncio.timeout(WITHIN):
            while not await self._connection.fetchval(waiting):
                await asyncio.sleep(POLL)

    async def leader(self) -> tuple[str, int, int]:
        """Read who leads, under which token, and the number of the last pass."""
        row = await self._connection.fetchrow(
            "SELECT leader, fencing_token, pass FROM aggregator_state"
        )
        assert row is not None
        return row[0], row[1], row[2]


@asynccontextmanager
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Open the books."""
    connection = await asyncpg.connect(database_url)
    try:
        yield Ledger(connection)
    finally:
        await connection.close()


def cells_of(snapshot: Snapshot) -> Cells:
    """The cells that a snapshot holds."""
    return change_from(snapshot.view).cells


async def shows_all(url: str, books: Ledger, *, within: float = WITHIN) -> None:
    """Wait until the dashboard at `url` holds the cells of the table, all of them, at all grains.

    Only for orders of the last hour: older ones are not shown by the minute.
    """
    async with OrderClient(url, patience=within) as client, asyncio.timeout(within):
        while cells_of(await client.dashboard()) != await books.cells():
            await asyncio.sleep(POLL)


def feed_cells(feed: DashboardFeed) -> Cells:
    """The cells that a feed shows now."""
    return {} if feed.view is None else dict(feed.view.cube.cells())
