"""Closings of business days: made once, never changed, and compared with what came later.

A closing keeps the snapshot of the statement that made it. The orders of its day that this does not see
are exactly those that its figures leave out, as the watermark of a pass tells which orders are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from coffeert.errors import ClusterMismatch
from coffeert.postgres.calendars import with_offsets
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.state import OTHER_CLUSTER

_LOCK: Final = 0x636F6666_636C6F73  # "coffclos": one closing at a time
_MOST_CLOSINGS: Final = 2**31 - 1


class ClosingCounts(NamedTuple):
    """Sums of orders that add up; amounts in minor units.

    `voided` is what `voids` corrections took away. What was refunded is `sold` less `takings`.
    """

    orders: int = 0
    pieces: int = 0
    takings: int = 0
    sold: int = 0
    voids: int = 0
    voided: int = 0
    orders_with_receipt: int = 0
    takings_with_receipt: int = 0

    def plus(self, other: ClosingCounts) -> ClosingCounts:
        return ClosingCounts(*(mine + more for mine, more in zip(self, other, strict=True)))


class StoredClosing(msgspec.Struct, frozen=True, kw_only=True):
    """A closing with its sums, and those of the `late` orders of its day that it does not count.

    `receipts` is `None` if no order has the number of one; so is `receipts_now` if nothing came late.
    `recut`: the day has other orders since a calendar was changed.
    """

    number: int
    date: date
    corrects: int | None
    corrected_by: int | None
    closed_at: datetime
    currency: str | None
    counts: ClosingCounts
    receipts: int | None
    late: int
    late_counts: ClosingCounts
    receipts_now: int | None
    recut: bool


class ClosedStore(msgspec.Struct, frozen=True, kw_only=True):
    """What a closing has of a store beside its lines, and how many receipts there are now.

    A store whose first order came late has no sales.
    """

    store: str
    begins: datetime
    ends: datetime
    receipts: int | None
    receipts_now: int | None
    first_sale: datetime | None
    last_sale: datetime | None


class ClosedLine(msgspec.Struct, frozen=True):
    """The sums of a drink in a store, as closed and of the `late` orders that came since."""

    store: str
    drink: str
    counts: ClosingCounts
    late: int
    late_counts: ClosingCounts


class LateRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order that came after its day was closed; a refund or a void has negative sums.

    Times have the store's offset.
    """

    order_id: UUID
    voids: UUID | None
    store: str
    drink: str
    pieces: int
    amount: int
    placed_at: datetime
    received_at: datetime
    source: str | None
    receipt: str | None
    import_id: int | None


class DayToClose(msgspec.Struct, frozen=True):
    """Whether a business day can be closed, and its last closing with the number of orders it lacks.

    `recut`: the day has other orders since a calendar was changed.

    `ends` is when it ends at the last store, `None` if calendars do not reach there. `placed`: there is
    an order of that day.
    """

    ends: datetime | None
    ended: bool | None
    placed: bool
    number: int | None
    late: int
    recut: bool


async def day_to_close(connection: Connection, day: date) -> DayToClose:
    """Read whether a day can be closed."""
    row = await connection.fetchrow(sql("day_to_close"), day)
    assert row is not None
    return DayToClose(**row)


async def limit_closing(connection: Connection, seconds: float) -> None:
    """Let no statement of this transaction take longer."""
    await connection.execute(sql("limit_time"), f"{seconds * 1e3:.0f}ms")


async def lock_closings(connection: Connection) -> None:
    """Wait until nobody else closes a day, to the end of the transaction."""
    await connection.execute(sql("lock_closings"), _LOCK)


async def close_day(connection: Connection, day: date, corrects: int | None) -> int:
    """Close a business day under `lock_closings`; return the number.

    `corrects` is the last closing of that day, if there is one.
    """
    number: int = await connection.fetchval(sql("close_day"), day, corrects)
    return number


async def ended_days(connection: Connection, grace: float, most: int) -> list[date]:
    """Read which days ended everywhere at least `grace` seconds ago, the last one first."""
    return [row["date"] for row in await connection.fetch(sql("ended_days"), grace, most)]


async def last_closed_day(connection: Connection) -> date | None:
    """Return the latest day that was ever closed."""
    day: date | None = await connection.fetchval(sql("last_closed_day"))
    return day


async def closing_numbers(
    connection: Connection, before: int | None, day: date | None, limit: int
) -> list[int]:
    """Return the numbers of at most so many closings, the last one first."""
    rows = await connection.fetch(sql("closing_numbers"), before, day, limit)
    return [row["number"] for row in rows]


async def load_closings(connection: Connection, numbers: Sequence[int]) -> list[StoredClosing]:
    """Read closings with what came late, the last one first.

    Raises `ClusterMismatch` after a dump was restored on another cluster, until it is rebuilt.
    """
    rows = await connection.fetch(sql("closing_sums"), numbers)
    if not all(row["here"] for row in rows):
        raise ClusterMismatch(OTHER_CLUSTER)
    receipts = await _receipts(connection, [row["number"] for row in rows if row["late"]])
    return [
        StoredClosing(
            number=row["number"],
            date=row["date"],
            corrects=row["corrects"],
            corrected_by=row["corrected_by"],
            closed_at=row["closed_at"],
            currency=row["currency"],
            counts=_counts(row),
            receipts=row["receipts"],
            late=row["late"],
            late_counts=_counts(row, "late_"),
            receipts_now=_sum(receipts.get(row["number"], {}).values()),
            recut=row["recut"],
        )
        for row in rows
    ]


async def load_closed_stores(connection: Connection, number: int) -> list[ClosedStore]:
    """Read what a closing has of each store."""
    receipts = (await _receipts(connection, [number])).get(number, {})
    return [
        ClosedStore(receipts_now=receipts.get(row["store"]), **row)
        for row in await connection.fetch(sql("closing_stores"), number)
    ]


async def load_closed_lines(connection: Connection, number: int) -> list[ClosedLine]:
    """Read the lines of a closing, and what came late of each."""
    return [
        ClosedLine(row["store"], row["drink"], _counts(row), row["late"], _counts(row, "late_"))
        for row in await connection.fetch(sql("closing_lines"), number)
    ]


async def load_late_orders(connection: Connection, number: int, limit: int) -> list[LateRow]:
    """Read what came after a day was closed, in the order of arrival, at most so many."""
    rows = await connection.fetch(sql("late_orders"), number, limit)
    return [LateRow(**with_offsets(row)) for row in rows]


class ClosingsCheck(msgspec.Struct, frozen=True):
    """How many closings there are, and which differ from the orders that their snapshots see.

    `gaps` is how many numbers are missing.
    """

    closings: int
    gaps: int
    differing: tuple[int, ...]

    @property
    def exact(self) -> bool:
        """Whether all of them are there and right."""
        return not self.gaps and not self.differing


async def verify_closings(connection: Connection) -> ClosingsCheck:
    """Count the orders of every closed day again, all as of one moment; raises `ClusterMismatch`."""
    with translate_errors():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            numbers = await closing_numbers(connection, None, None, _MOST_CLOSINGS)
            await load_closings(connection, numbers[:1])
            differing = [
                number
                for number in reversed(numbers)
                if await connection.fetchval(sql("verify_closing"), number)
            ]
    return ClosingsCheck(
        len(numbers), (numbers[0] - len(numbers)) if numbers else 0, tuple(differing)
    )


async def move_closings(connection: Connection) -> None:
    """Make closings of another cluster mean the same here, before its orders are adopted."""
    with translate_errors():
        async with connection.transaction(isolation="repeatable_read"):
            await connection.execute(sql("closings_elsewhere"))
            await connection.execute(sql("move_closings"))


async def _receipts(
    connection: Connection, numbers: Sequence[int]
) -> dict[int, dict[str, int | None]]:
    found: dict[int, dict[str, int | None]] = {number: {} for number in numbers}
    if numbers:
        for row in await connection.fetch(sql("closing_receipts"), numbers):
            found[row["number"]][row["store"]] = row["receipts"]
    return found


def _counts(row: asyncpg.Record, prefix: str = "") -> ClosingCounts:
    return ClosingCounts(*(int(row[prefix + name]) for name in ClosingCounts._fields))


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
