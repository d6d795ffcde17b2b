"""Writers with open transactions, ticks and readers on one database, driven step by step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

import asyncpg

from coffeert.domain.feed import FeedCursor, FeedPosition
from coffeert.domain.orders import Order
from coffeert.postgres.feed import FeedTable, make_tick
from coffeert.postgres.pool import Connection, Pool, connect, open_pool
from tests.order_book import insert, order, stored_orders, void

WRITERS = 3


@dataclass(frozen=True)
class Write:
    """Stores orders in the writer's transaction, which is begun if there is none and stays open."""

    writer: int
    orders: int


@dataclass(frozen=True)
class VoidOne:
    """Voids a committed order in the writer's transaction, unless it is voided."""

    writer: int
    which: int


@dataclass(frozen=True)
class Savepoint:
    """Begins a subtransaction, which has a transaction id of its own."""

    writer: int


@dataclass(frozen=True)
class End:
    """Ends the writer's transaction."""

    writer: int
    commit: bool


@dataclass(frozen=True)
class Tick:
    """Makes a tick if something was committed."""


Step = Write | VoidOne | Savepoint | End | Tick


@dataclass
class Play:
    """The database and those who write there."""

    pool: Pool
    table: FeedTable
    ticker: Connection
    writers: Sequence[asyncpg.Connection[asyncpg.Record]]
    open: dict[int, asyncpg.transaction.Transaction] = field(default_factory=dict)
    voided: set[UUID] = field(default_factory=set)

    @classmethod
    async def begin(cls, url: str, stack: AsyncExitStack) -> Self:
        """Connect; the stack closes it."""
        pool = await open_pool(url, size=2, application_name="test")
        stack.push_async_callback(pool.close)
        ticker = await connect(url, application_name="test")
        stack.callback(ticker.terminate)
        writers = [await asyncpg.connect(url) for _ in range(WRITERS)]
        for writer in writers:
            stack.callback(writer.terminate)
        return cls(pool, FeedTable(pool), ticker, writers)

    async def end(self) -> None:
        """Commit what is open, and make the last tick."""
        for writer in [*self.open]:
            await self.step(End(writer, commit=True))
        await self.step(Tick())

    async def step(self, step: Step) -> None:
        """Take one step."""
        if isinstance(step, Tick):
            await make_tick(self.ticker)
            return
        writer = self.writers[step.writer]
        if isinstance(step, End):
            transaction = self.open.pop(step.writer, None)
            if transaction is not None:
                await (transaction.commit() if step.commit else transaction.rollback())
            return
        if step.writer not in self.open:
            self.open[step.writer] = writer.transaction()
            await self.open[step.writer].start()
        match step:
            case Write():
                await insert(writer, *(order(quantity=1) for _ in range(step.orders)))
            case Savepoint():
                await writer.execute("SAVEPOINT one")
            case VoidOne():
                await self._void(writer, step.which)

    async def _void(self, writer: asyncpg.Connection[asyncpg.Record], which: int) -> None:
        found = [
            one
            for one in await stored_orders(writer)
            if one.voids is None and one.order_id not in self.voided
        ]
        if found:
            target = found[which % len(found)]
            self.voided.add(target.order_id)  # if it is rolled back: as well
            await insert(writer, void(target))


async def read_all(
    table: FeedTable, start: FeedPosition, rows: Sequence[int] = (1_000,)
) -> list[Order]:
    """Read to the end of the feed, by cursors and so many rows at a time in turn."""
    found: list[Order] = []
    position = start
    turn = 0
    while True:
        parts = await table.read(position, rows[turn % len(rows)])
        turn += 1
        if not parts:
            return found
        assert parts[0].start == position
        for part in parts:
            assert part.start == position
            found += (row.order for row in part.rows)
            position = part.end
        cursor = position.cursor()
        position = await table.find(FeedCursor.parse(cursor))
        assert position.cursor() == cursor


async def newest_tick(table: FeedTable) -> int:
    """Return the number of the newest tick, 0 if there is none."""
    newest = await table.newest()
    return 0 if newest is None else newest[0]
