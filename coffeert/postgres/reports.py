"""Reading what a report is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime

import msgspec

from coffeert.domain.report_plan import DayPiece, Piece, TimePiece
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql


class ReportState(msgspec.Struct, frozen=True):
    """As of when a report is, that is of the last pass, and from when on minutes are kept."""

    as_of: datetime
    minutes_from: datetime
    watermark: str


class TradingDays(msgspec.Struct, frozen=True):
    """On which of some business days a store sold something, and the first that it ever did."""

    dates: frozenset[date]
    first: date


class ShopOfReport(msgspec.Struct, frozen=True):
    """A store whose orders are summed; `weights` of the compared days, `None` if each counts once."""

    code: str
    calendar: int
    zone: str
    compared: bool
    weights: Mapping[date, int] | None


class ReportSums(msgspec.Struct, frozen=True):
    """Sums of one key, or all of them if `total`; amounts in minor units, of both sides.

    `like_` sums are of compared stores only; `then_` sums are weighted.
    """

    part: str
    total: bool
    store: str | None
    drink: str | None
    source: str | None
    quarter: int | None
    hour: int | None
    day: date | None
    weekday: int | None
    orders: int
    pieces: int
    takings: int
    like_orders: int
    like_takings: int
    then_orders: int
    then_pieces: int
    then_takings: int


@asynccontextmanager
async def report_transaction(connection: Connection, time_limit: float) -> AsyncIterator[None]:
    """See one moment, with no statement taking longer than `time_limit` seconds.

    Raises `DatabaseUnavailable`.
    """
    with translate_errors():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(sql("report_timeout"), f"{time_limit * 1e3:.0f}ms")
            yield


async def load_report_state(connection: Connection) -> ReportState:
    """Read as of when a report is."""
    row = await connection.fetchrow(sql("report_state"))
    assert row is not None
    return ReportState(**row)


async def load_trading_days(
    connection: Connection, dates: Collection[date]
) -> dict[str, TradingDays]:
    """Read which stores sold something on which of the dates."""
    rows = await connection.fetch(sql("report_stores"), list(dates))
    return {row["store"]: TradingDays(frozenset(row["dates"]), row["first"]) for row in rows}


async def load_report_sums(
    connection: Connection,
    shops: Sequence[ShopOfReport],
    pieces: Iterable[Piece],
    grouped_by: Sequence[str],
    *,
    drinks: Collection[str] | None = None,
    without_drinks: Collection[str] = (),
    most_rows: int,
) -> list[ReportSums]:
    """Read the sums of the pieces; at most so many rows."""
    days = [piece for piece in pieces if isinstance(piece, DayPiece)]
    times = [piece for piece in pieces if isinstance(piece, TimePiece)]
    chosen: list[tuple[str, date | None, int]] = []
    for shop in shops:
        if not shop.compared:
            continue
        if shop.weights is None:
            chosen.append((shop.code, None, 1))
        else:
            chosen += ((shop.code, day, weight) for day, weight in shop.weights.items())
    rows = await connection.fetch(
        sql("report_rollups"),
        [shop.code for shop in shops],
        [shop.calendar for shop in shops],
        [shop.zone for shop in shops],
        [shop.compared for shop in shops],
        *_columns(chosen, 3),
        *_columns(days, 6),
        *_columns(times, 8),
        list(grouped_by),
        None if drinks is None else list(drinks),
        list(without_drinks),
        most_rows,
    )
    return [ReportSums(*row) for row in rows]


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    return [[row[column] for row in rows] for column in range(width)]
