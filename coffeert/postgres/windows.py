"""Reading session windows and sliding windows of stores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.reports import ReportState


class StoreSpan(NamedTuple):
    """A store, and from when to when its windows are; whole minutes."""

    store: str
    begins: datetime
    ends: datetime


class DayBounds(NamedTuple):
    """When days of a store begin and end; the store `None` stands for all others.

    `None` for a day that was not asked for or is not in the calendars.
    """

    store: str | None
    begins: datetime | None
    ends: datetime | None


class SessionRow(NamedTuple):
    """A session as it is read."""

    store: str
    first_at: datetime
    last_at: datetime
    orders: int


class QuarterRow(NamedTuple):
    """In how many minutes of a quarter hour of some days a store sold something, and how many orders.

    `quarter` counts from the midnight of its wall clocks.
    """

    store: str
    quarter: int
    minutes: int
    orders: int


class DaySpan(NamedTuple):
    """A business day of a store, and the zone of its wall clocks."""

    store: str
    zone: str
    begins: datetime
    ends: datetime


class SlidingRow(msgspec.Struct, frozen=True):
    """The windows of a store as they are read; `cents` are in minor units."""

    store: str
    begins: datetime
    orders: list[int]
    pieces: list[int]
    cents: list[int]


async def load_active_stores(connection: Connection) -> list[str]:
    """Read which stores have sold something in the minutes that are kept."""
    return [row[0] for row in await connection.fetch(sql("active_stores"))]


async def load_day_bounds(
    connection: Connection, first: date | None, last: date | None
) -> list[DayBounds]:
    """Read when a day begins and another ends."""
    return [DayBounds(**row) for row in await connection.fetch(sql("day_bounds"), first, last)]


async def load_today(connection: Connection, moment: datetime) -> list[DayBounds]:
    """Read when the days began that a moment is in."""
    rows = await connection.fetch(sql("today_begins"), moment)
    return [DayBounds(row["store"], row["begins"], None) for row in rows]


async def load_usual_quarters(connection: Connection, days: Sequence[DaySpan]) -> list[QuarterRow]:
    """Read in which quarter hours of the days stores sold, added up for each store."""
    columns = [[day[column] for day in days] for column in range(4)]
    rows = await connection.fetch(sql("usual_quarters"), *columns)
    return [QuarterRow(*row) for row in rows]


async def load_orders_between(
    connection: Connection, begins: datetime, ends: datetime
) -> dict[str, int]:
    """Count the orders of each store between two whole minutes that are kept."""
    rows = await connection.fetch(sql("orders_between"), begins, ends)
    return {row["store"]: row["orders"] for row in rows}


async def count_stale(connection: Connection) -> int:
    """Count the minutes that a pass has yet to read again after voids."""
    count: int = await connection.fetchval(sql("count_stale"))
    return count


async def load_sessions(
    connection: Connection,
    state: ReportState,
    spans: Sequence[StoreSpan],
    gap: timedelta,
    sources: Collection[str] | None,
    most: int,
) -> list[SessionRow]:
    """Read the sessions of stores, at most so many; `gap` is a minute or more.

    `None` for all sources; an empty one stands for sales that name none.
    """
    chosen = None if sources is None else list(sources)
    rows = await connection.fetch(
        sql("sessions"), *_columns(spans), gap, chosen, state.watermark, most
    )
    return [SessionRow(*row) for row in rows]


async def load_sliding(
    connection: Connection,
    state: ReportState,
    spans: Sequence[StoreSpan],
    width: timedelta,
    step: timedelta,
) -> list[SlidingRow]:
    """Read the sliding windows of stores; `width` and `step` are whole minutes."""
    rows = await connection.fetch(sql("sliding"), *_columns(spans), width, step, state.watermark)
    return [SlidingRow(*row) for row in rows]


def _columns(spans: Sequence[StoreSpan]) -> tuple[list[str], list[datetime], list[datetime]]:
    return (
        [span.store for span in spans],
        [span.begins for span in spans],
        [span.ends for span in spans],
    )
