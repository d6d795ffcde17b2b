"""Reading what a report is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Literal

import asyncpg
import msgspec

from coffeert.domain.report_plan import DayPiece, Piece, TimePiece
from coffeert.domain.usual_range import DayPlaces
from coffeert.errors import FieldError, Invalid
from coffeert.postgres.calendars import with_offsets
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql


class ReportState(msgspec.Struct, frozen=True):
    """As of when a report is, that is of the last pass; from when on minutes are kept; holidays by date."""

    as_of: datetime
    minutes_from: datetime
    watermark: str
    week_starts: int
    marked: Mapping[date, str]


class TradingDays(msgspec.Struct, frozen=True):
    """On which of some business days a store sold something, and the first that it ever did."""

    dates: frozenset[date]
    first: date


class ShopOfReport(msgspec.Struct, frozen=True):
    """A store whose orders are summed; `weights` of the compared days, `None` if each counts once.

    `places` are those of its usual days among its own and among those of all stores: see `UsualPlaces`.
    """

    code: str
    calendar: int
    zone: str
    compared: bool
    weights: Mapping[date, int] | None
    places: Mapping[date, DayPlaces]


class ReportFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders count; `None` for all. Prices are of one piece, in minor units, and included."""

    drinks: frozenset[str] | None = None
    without_drinks: frozenset[str] = frozenset()
    sources: frozenset[str] | None = None
    without_sources: frozenset[str] = frozenset()
    min_price: int | None = None
    max_price: int | None = None


class ReportSums(msgspec.Struct, frozen=True):
    """Sums of one key, or all of them if `total`; amounts in minor units, of both sides.

    `like_` sums are of compared stores only; `then_` sums are weighted, those of `days_` are of up to four
    usual days each by itself. Rollups have no `sold` and what follows; `numbered` are lines with the number
    of a receipt, voids and refunds included, `with_receipt` what they count for.
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
    days_orders: list[int]
    days_takings: list[int]
    sold: int = 0
    then_sold: int = 0
    numbered: int = 0
    then_numbered: int = 0
    with_receipt: int = 0
    then_with_receipt: int = 0
    receipt_takings: int = 0
    then_receipt_takings: int = 0
    receipts: int = 0
    then_receipts: int = 0


@asynccontextmanager
async def report_transaction(
    connection: Connection, time_limit: float, field: str = "period"
) -> AsyncIterator[None]:
    """See one moment, with no statement taking longer than `time_limit` seconds.

    Raises `Invalid` if one does, which names `field`, and `DatabaseUnavailable`.
    """
    with translate_errors():
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(sql("report_timeout"), f"{time_limit * 1e3:.0f}ms")
                yield
        except asyncpg.QueryCanceledError:
            fault = FieldError(field, "is too much to add up; ask for fewer days")
            raise Invalid(
                f"The report takes longer than {time_limit:.0f} s; ask for fewer days.",
                errors=(fault,),
            ) from None


async def load_report_state(connection: Connection) -> ReportState:
    """Read as of when a report is."""
    row = await connection.fetchrow(sql("report_state"))
    assert row is not None
    return ReportState(
        row["as_of"],
        row["minutes_from"],
        row["watermark"],
        row["week_starts"],
        dict(zip(row["marked"], row["marked_as"], strict=True)),
    )


async def load_trading_days(
    connection: Connection, dates: Collection[date]
) -> dict[str, TradingDays]:
    """Read which stores sold something on which of the dates."""
    rows = await connection.fetch(sql("report_stores"), list(dates))
    return {row["store"]: TradingDays(frozenset(row["dates"]), row["first"]) for row in rows}


async def load_report_sums(
    connection: Connection,
    state: ReportState,
    shops: Sequence[ShopOfReport],
    pieces: Sequence[Piece],
    grouped_by: Sequence[str],
    filters: ReportFilter,
    *,
    from_orders: bool,
    receipts: bool,
    most_rows: int,
) -> list[ReportSums]:
    """Read the sums of the pieces, at most so many rows; the rollups know neither sources nor prices."""
    times = [piece for piece in pieces if isinstance(piece, TimePiece)]
    chosen: list[tuple[str, date | None, int, int | None, int | None]] = []
    for shop in shops:
        if not shop.compared:
            continue
        if shop.weights is None:
            chosen.append((shop.code, None, 1, None, None))
        else:
            chosen += (
                (shop.code, day, weight, *shop.places.get(day, (None, None)))
                for day, weight in shop.weights.items()
            )
    *chosen_days, store_days, common_days = _columns(chosen, 5)
    stores: list[object] = [
        [shop.code for shop in shops],
        [shop.calendar for shop in shops],
        [shop.zone for shop in shops],
        [shop.compared for shop in shops],
        *chosen_days,
    ]
    spans = _columns(times, 8)
    last = [list(grouped_by), filters.drinks, filters.without_drinks, most_rows]
    if from_orders:
        rows = await connection.fetch(
            sql("report_orders"),
            *stores,
            *spans,
            *last,
            state.watermark,
            filters.sources,
            filters.without_sources,
            filters.min_price,
            filters.max_price,
            receipts,
            store_days,
            common_days,
        )
    else:
        days = [piece for piece in pieces if isinstance(piece, DayPiece)]
        rows = await connection.fetch(
            sql("report_rollups"),
            *stores,
            *_columns(days, 6),
            *spans,
            *last,
            store_days,
            common_days,
        )
    return [ReportSums(*row) for row in rows]


async def load_last_sales(
    connection: Connection, state: ReportState, stores: Collection[str]
) -> dict[str, datetime]:
    """Read when stores sold last, of those that did within seven days."""
    rows = await connection.fetch(sql("last_sales"), list(stores), state.as_of)
    return {row["store"]: row["placed_at"] for row in rows}


class CorrectionRow(msgspec.Struct, frozen=True):
    """A refund or a void as it is stored, with what it takes away; times have the store's offset."""

    kind: Literal["refund", "void"]
    store: str
    drink: str
    pieces: int
    amount: int
    placed_at: datetime
    received_at: datetime
    source: str | None
    receipt: str | None
    found: int


async def load_corrections(
    connection: Connection,
    state: ReportState,
    shops: Sequence[ShopOfReport],
    spans: Sequence[TimePiece],
    filters: ReportFilter,
    most_rows: int,
) -> list[CorrectionRow]:
    """Read the refunds and voids of a report, at most so many, with how many there are."""
    values = _of_spans(state, shops, spans, filters)
    rows = await connection.fetch(sql("report_corrections"), *values, most_rows)
    return [CorrectionRow(**with_offsets(row)) for row in rows]


async def load_late(
    connection: Connection,
    state: ReportState,
    shops: Sequence[ShopOfReport],
    days: Sequence[TimePiece],
    filters: ReportFilter,
) -> tuple[int, int, int]:
    """Read orders, pieces and takings of what came after its business day was over."""
    row = await connection.fetchrow(sql("report_late"), *_of_spans(state, shops, days, filters))
    assert row is not None
    return row["orders"], row["pieces"], row["takings"]


def _of_spans(
    state: ReportState,
    shops: Sequence[ShopOfReport],
    spans: Sequence[TimePiece],
    filters: ReportFilter,
) -> list[object]:
    return [
        [shop.code for shop in shops],
        [shop.calendar for shop in shops],
        [span.calendar for span in spans],
        [span.begins for span in spans],
        [span.ends for span in spans],
        state.watermark,
        filters.drinks,
        filters.without_drinks,
        filters.sources,
        filters.without_sources,
        [filters.min_price, filters.max_price],
    ]


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    return [[row[column] for row in rows] for column in range(width)]
