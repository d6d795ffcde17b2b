"""The change feed in PostgreSQL: making ticks, and reading the parts between them."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from coffeert.domain.feed import (
    NOTHING_SEEN,
    FeedCursor,
    FeedPlace,
    FeedPosition,
    FeedTick,
    cursor_check,
)
from coffeert.domain.orders import Order
from coffeert.domain.watermark import Watermark
from coffeert.errors import Gone, Unavailable
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection, Pool
from coffeert.postgres.queries import sql

READ_ROWS: Final = 2_000
"""How many orders are read at once, at most, from the beginning of a part."""
LARGE_READ_ROWS: Final = 5_000
"""How many from the middle of one: each page of a huge transaction looks at all of it."""

_TICKS_AT_ONCE: Final = 64
_PRUNED_AT_ONCE: Final = 10_000
_STATEMENT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 2.0  # beyond the statement's own limit, for a server that does not answer
_NO_ORDER: Final = UUID(int=0)  # which none has


class FeedRow(msgspec.Struct, frozen=True, gc=False):
    """An order, and its place within its part."""

    place: FeedPlace
    order: Order


class FeedRows(msgspec.Struct, frozen=True):
    """Orders of one part in their order, from `start` on; `whole` if they reach the end of the part."""

    start: FeedPosition
    part: FeedTick
    rows: tuple[FeedRow, ...]
    whole: bool

    @property
    def end(self) -> FeedPosition:
        """Where the next orders begin."""
        if self.whole:
            return FeedPosition(self.part)
        return FeedPosition(self.start.after, self.part, self.rows[-1].place)


class TickMade(msgspec.Struct, frozen=True):
    """Which tick was made, if any, and whether readers want ticks between the passes."""

    number: int | None
    wanted: bool


async def make_tick(connection: Connection) -> TickMade:
    """Make the next tick if something was committed since the last one; raises `DatabaseUnavailable`."""
    with translate_errors():
        async with connection.transaction(isolation="read_committed", readonly=False):
            row = await connection.fetchrow(sql("make_feed_tick"))
    assert row is not None
    return TickMade(row["number"], row["wanted"])


async def ticks_wanted(connection: Connection) -> bool:
    """Return True if readers want ticks between the passes; raises `DatabaseUnavailable`."""
    with translate_errors():
        wanted: bool = await connection.fetchval(sql("feed_ticks_wanted"))
    return wanted


async def prune_ticks(connection: Connection, keep: timedelta) -> bool:
    """Delete some of the ticks older than `keep`; True if there are more. Raises `DatabaseUnavailable`."""
    with translate_errors():
        deleted: int = await connection.fetchval(sql("prune_feed_ticks"), keep, _PRUNED_AT_ONCE)
    return deleted >= _PRUNED_AT_ONCE


class FeedTable:
    """Reads the feed over a pool of its own, which may be a standby's; raises `DatabaseUnavailable`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._group = _TICKS_AT_ONCE

    async def want_ticks(self, seconds: float) -> bool:
        """Say that readers want ticks between the passes for so long; False on a standby, which cannot."""
        async with self._reading() as connection:
            if await connection.fetchval(sql("is_standby")):
                return False
            await connection.execute(sql("want_feed_ticks"), seconds)
        return True

    async def has(self, tick: FeedTick) -> bool:
        """Return True if a tick is still there."""
        async with self._reading() as connection:
            return (await _ticks_around(connection, tick.number))[:1] == [tick]

    async def newest(self) -> tuple[int, datetime] | None:
        """Return the number and the moment of the newest tick, `None` if there is none."""
        async with self._reading() as connection:
            row = await connection.fetchrow(sql("newest_feed_tick"), timeout=_ANSWER_SECONDS)
            return None if row is None else (row["number"], row["time"])

    async def first_tick(self) -> int:
        """Return the number of the oldest tick that is kept, 0 if there is none."""
        async with self._reading() as connection:
            return await connection.fetchval(sql("first_feed_tick")) or 0

    async def now(self) -> FeedPosition:
        """Return the position behind everything."""
        async with self._reading() as connection:
            number = await connection.fetchval(sql("last_feed_tick"))
            return await _behind(connection, number)

    async def at(self, moment: datetime) -> FeedPosition:
        """Return the last position before a moment, so that everything committed since comes after it."""
        async with self._reading() as connection:
            number = await connection.fetchval(sql("feed_tick_before"), moment)
            return await _behind(connection, number)

    async def find(self, cursor: FeedCursor) -> FeedPosition:
        """Return the position of a cursor.

        Raises `Gone` for one of another history or of deleted ticks, and `Unavailable` if this is a standby
        that has not come so far.
        """
        async with self._reading() as connection:
            ticks = await _ticks_around(connection, cursor.number)
            if not ticks or ticks[0].number != cursor.number:
                if await _is_behind(connection, cursor.number):
                    raise Unavailable("This standby has not come so far yet.", retry_after=1)
                raise gone()
            part, before = ticks[0], ticks[1] if len(ticks) > 1 else None
            position = FeedPosition(part)
            if cursor.order_id is not None:
                place = await connection.fetchrow(sql("feed_place"), cursor.order_id)
                if place is None:
                    raise gone()
                position = FeedPosition(before, part, FeedPlace(*place))
        if part.lineage != cursor.lineage or cursor_check(position.cursor()) != cursor.check:
            raise gone()
        return position

    async def read(self, position: FeedPosition, rows: int | None = None) -> list[FeedRows]:
        """Read the parts that follow, at most so many orders; nothing at the end of the feed.

        Raises `Gone` if the ticks that the position depends on are no longer there.
        """
        if rows is None:
            rows = READ_ROWS if position.place is None else LARGE_READ_ROWS
        async with self._reading() as connection:
            ticks = await self._next_ticks(connection, position)
            if ticks and position.part is None:
                found = await _read_range(connection, position, ticks, rows)
                if found is not None:
                    self._group = min(self._group * 2, _TICKS_AT_ONCE)
                    return found
                self._group = max(1, self._group // 4)
            if not ticks:
                return []
            return [await _read_page(connection, position, ticks[0], rows)]

    async def _next_ticks(self, connection: Connection, position: FeedPosition) -> list[FeedTick]:
        begin = 0 if position.after is None else position.after.number
        ticks = _ticks(await connection.fetch(sql("feed_ticks"), begin, self._group + 1))
        if position.after is not None:
            if ticks[:1] != [position.after]:
                if not ticks and await _is_behind(connection, begin):
                    return []
                raise gone()
            del ticks[0]
        if position.part is None:
            return ticks
        if ticks[:1] != [position.part]:
            raise gone()
        return ticks[:1]

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Connection]:
        with translate_errors():
            connection = await self._pool.acquire(timeout=_STATEMENT_SECONDS)
            try:
                yield connection
            except (TimeoutError, asyncio.CancelledError):
                connection.terminate()  # it is not known what it is still at
                raise
            finally:
                await self._pool.release(connection, timeout=_ANSWER_SECONDS)


def gone() -> Gone:
    """Make the refusal of a cursor that leads nowhere."""
    return Gone(
        "This cursor belongs to another history of the orders, or to ticks that are no longer kept. "
        "Begin again with after=beginning and empty tables, or with after=now."
    )


async def _behind(connection: Connection, number: int | None) -> FeedPosition:
    if number is None:
        return FeedPosition()
    ticks = await _ticks_around(connection, number)
    return FeedPosition(ticks[0] if ticks else None)


async def _is_behind(connection: Connection, number: int) -> bool:
    """Whether this is a standby to which a tick has not come yet."""
    last = await connection.fetchval(sql("last_feed_tick")) or 0
    return last < number and bool(await connection.fetchval(sql("is_standby")))


async def _ticks_around(connection: Connection, number: int) -> list[FeedTick]:
    return _ticks(await connection.fetch(sql("feed_ticks_around"), number))


def _ticks(rows: Sequence[asyncpg.Record]) -> list[FeedTick]:
    return [FeedTick(row["lineage"], row["number"], row["snapshot"], row["time"]) for row in rows]


@asynccontextmanager
async def _settings(connection: Connection) -> AsyncIterator[None]:
    async with connection.transaction(isolation="read_committed", readonly=True):
        await connection.execute(sql("feed_settings"), f"{round(_STATEMENT_SECONDS * 1000)}ms")
        yield


async def _read_range(
    connection: Connection, start: FeedPosition, ticks: Sequence[FeedTick], rows: int
) -> list[FeedRows] | None:
    """Read the parts of several ticks at once; `None` if they hold more orders than that."""
    seen = NOTHING_SEEN if start.after is None else start.after.snapshot
    async with _settings(connection):
        found = await connection.fetch(
            sql("feed_range"),
            seen,
            ticks[-1].snapshot,
            rows + 1,
            timeout=_STATEMENT_SECONDS + _ANSWER_SECONDS,
        )
    if len(found) > rows:
        return None
    watermarks = [Watermark.parse(tick.snapshot) for tick in ticks]
    parts: list[list[FeedRow]] = [[] for _ in ticks]
    for record in found:
        row = _row(record)
        parts[_first_that_sees(watermarks, row.place.xid)].append(row)
    starts = [start, *(FeedPosition(tick) for tick in ticks)]
    return [
        FeedRows(begin, tick, tuple(sorted(part, key=_place)), whole=True)
        for begin, tick, part in zip(starts, ticks, parts, strict=False)
    ]


async def _read_page(
    connection: Connection, start: FeedPosition, part: FeedTick, rows: int
) -> FeedRows:
    """Read a part from a place on: what was open at the tick before, what is new, then their voids."""
    seen = Watermark.parse(NOTHING_SEEN if start.after is None else start.after.snapshot)
    upto = Watermark.parse(part.snapshot)
    place = start.place or FeedPlace(False, 0, _NO_ORDER)
    found: list[asyncpg.Record] = []
    async with _settings(connection):
        for is_void in (False, True):
            if is_void < place.is_void:
                continue
            behind = place.xid if is_void == place.is_void else 0
            within, later = _page_queries(is_void=is_void)
            if behind:
                values = str(behind), place.order_id, rows + 1
                found += await connection.fetch(within, *values)
            for xid in sorted(seen.xip):
                if xid > behind and upto.sees(xid) and len(found) <= rows:
                    values = str(xid), _NO_ORDER, rows + 1 - len(found)
                    found += await connection.fetch(within, *values)
            if len(found) <= rows:
                first = max(behind, seen.xmax - 1)
                values_later = str(first), part.snapshot, rows + 1 - len(found)
                found += await connection.fetch(later, *values_later)
    return FeedRows(start, part, tuple(map(_row, found[:rows])), whole=len(found) <= rows)


def _page_queries(*, is_void: bool) -> tuple[str, str]:
    """Return what reads the rest of a transaction, and what the transactions behind one."""
    if is_void:
        return sql("feed_voids_in_transaction"), sql("feed_voids_behind_transaction")
    return sql("feed_in_transaction"), sql("feed_behind_transaction")


def _first_that_sees(watermarks: Sequence[Watermark], xid: int) -> int:
    """Return the first of snapshots, each later than the one before, that sees a transaction."""
    return bisect_left(watermarks, True, hi=len(watermarks) - 1, key=lambda one: one.sees(xid))


def _row(record: asyncpg.Record) -> FeedRow:
    xid, *values = record
    order = Order(*values)
    return FeedRow(FeedPlace(order.voids is not None, xid, order.order_id), order)


def _place(row: FeedRow) -> tuple[bool, int, bytes]:
    place = row.place
    return place.is_void, place.xid, place.order_id.bytes
