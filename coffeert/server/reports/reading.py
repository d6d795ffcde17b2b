"""Reads what a report is of, as of the last pass, and puts it together."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from coffeert.domain.calendar import BusinessCalendar, Calendars, whole_span
from coffeert.domain.comparisons import (
    USUAL_DAYS_NEEDED,
    check_comparison,
    default_comparison,
)
from coffeert.domain.menu import Menu
from coffeert.domain.periods import parse_period
from coffeert.domain.report_plan import Cut, Piece, StoreDays, TimePiece, pieces_of
from coffeert.domain.usual_range import UsualPlaces, usual_places
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.pool import Connection
from coffeert.postgres.reports import (
    ReportFilter,
    ReportState,
    ShopOfReport,
    load_corrections,
    load_last_sales,
    load_late,
    load_report_state,
    load_report_sums,
    load_trading_days,
)
from coffeert.postgres.windows import (
    DaySpan,
    QuarterRow,
    load_orders_between,
    load_usual_quarters,
)
from coffeert.server.reports.activity import UsualDay, rush_span, store_activity
from coffeert.server.reports.closings import closing_of
from coffeert.server.reports.context import ReportContext
from coffeert.server.reports.days import Comparing, date_of
from coffeert.server.reports.request import ReportRequest, report_fault
from coffeert.server.reports.rows import make_details, make_report
from coffeert.wire.reports import Activity, Report

_MOST_ROWS: Final = 10_000
_MOST_PIECES: Final = 10_000
_CORRECTIONS: Final = 50
_MANY_ROWS: Final = 200
"""From so many rows on a report is put together beside the event loop."""
_QUARTER: Final = 900
_MINUTE: Final = 60


_TODAY: Final = ReportRequest(
    period=parse_period("today"), comparison="usual", grouped_by=("store", "quarter")
)
"""What the activity of stores is judged by."""


async def read_report(connection: Connection, request: ReportRequest, menu: Menu) -> Report:
    """Make a report in a transaction that sees one moment; raises `Invalid`."""
    state = await load_report_state(connection)
    comparing = Comparing(
        request.period,
        request.comparison or default_comparison(request.period),
        state.week_starts,
        state.marked,
    )
    until = int(state.as_of.timestamp()) // _MINUTE * _MINUTE
    calendars = await load_calendars(connection, *_calendar_span(comparing, until))
    days = await _days_of_stores(connection, request, menu, comparing, calendars, until)
    cut = _cut(request, until, comparing)
    pieces = await asyncio.to_thread(_pieces, calendars, days, cut)
    if _needs_minutes_before(pieces, state):
        until = until // _QUARTER * _QUARTER
        cut = _cut(request, until, comparing)
        pieces = await asyncio.to_thread(_pieces, calendars, days, cut)
    if len(pieces) > _MOST_PIECES:
        raise report_fault("period", "is too much to add up; ask for fewer days")
    places = usual_places(days)
    shops = _shops(days, calendars, places)
    filters = _filters(request)
    sums = await load_report_sums(
        connection,
        state,
        shops,
        pieces,
        request.grouped_by,
        filters,
        from_orders=cut.from_orders,
        receipts=request.details,
        most_rows=_MOST_ROWS + 1,
    )
    if len(sums) > _MOST_ROWS:
        raise report_fault("by", f"gives more than {_MOST_ROWS:,} rows; ask for fewer days")
    context = ReportContext(
        request=request,
        comparing=comparing,
        menu=menu,
        calendars=calendars,
        until=until,
        days=days,
        places=places,
        cut=cut,
    )
    if len(sums) < _MANY_ROWS:
        report = make_report(context, sums)
    else:
        report = await asyncio.to_thread(make_report, context, sums)
    if not request.details:
        return report
    spans = [piece for piece in pieces if isinstance(piece, TimePiece) and piece.side == "now"]
    today_of = {calendar.id: date_of(calendar, until) for calendar in calendars.calendars}
    over = [span for span in spans if span.date < today_of[span.calendar]]
    corrections = await load_corrections(connection, state, shops, spans, filters, _CORRECTIONS)
    late = await load_late(connection, state, shops, over, filters)
    closing = None
    # A closing is of one date; around midnight stores may be on different ones.
    if request.is_one_whole_day and report.period.first == report.period.last:
        closing = await closing_of(connection, report.period.first)
    return msgspec.structs.replace(report, details=make_details(menu, corrections, late, closing))


async def read_activity(connection: Connection, menu: Menu) -> Activity:
    """Say in a transaction that sees one moment which stores sell as usual."""
    state = await load_report_state(connection)
    comparing = Comparing(_TODAY.period, "usual", state.week_starts, state.marked)
    until = int(state.as_of.timestamp())
    calendars = await load_calendars(connection, *_calendar_span(comparing, until))
    days = await _days_of_stores(connection, _TODAY, menu, comparing, calendars, until)
    # Days whose minutes are not kept any more are left out.
    usual_days = [
        day
        for store, of in days.items()
        for day in _day_spans(calendars.of(store), store, of)
        if day.begins >= state.minutes_from
    ]
    counts = Counter(day.store for day in usual_days)
    rows: dict[str, list[QuarterRow]] = defaultdict(list)
    for row in await load_usual_quarters(connection, usual_days):
        rows[row.store].append(row)
    usual = {
        store: UsualDay.of(calendars.of(store), rows[store], count)
        for store, count in counts.items()
        if count >= USUAL_DAYS_NEEDED
    }
    active = {store.code: store.name for store in menu.stores if store.active}
    last = await load_last_sales(connection, state, active)
    orders = await load_orders_between(connection, *rush_span(state.as_of))
    return Activity(
        as_of=state.as_of,
        stores=tuple(
            store_activity(
                store,
                name,
                calendars.of(store),
                state.as_of,
                last.get(store),
                orders.get(store, 0),
                usual.get(store),
            )
            for store, name in active.items()
        ),
    )


def _day_spans(calendar: BusinessCalendar, store: str, days: StoreDays) -> Iterator[DaySpan]:
    for day in days.weights or ():
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        begins, ends = (datetime.fromtimestamp(at, UTC) for at in calendar.day(midnight))
        yield DaySpan(store, calendar.zone, begins, ends)


async def _days_of_stores(
    connection: Connection,
    request: ReportRequest,
    menu: Menu,
    comparing: Comparing,
    calendars: Calendars,
    until: int,
) -> dict[str, StoreDays]:
    today_of = {calendar.id: date_of(calendar, until) for calendar in calendars.calendars}
    today = today_of[calendars.calendars[0].id]
    span = comparing.period.span(today, comparing.week_starts)
    if all(day < span.first for day in today_of.values()):
        raise report_fault("period", "has not begun")
    try:
        check_comparison(comparing.period, comparing.comparison, span.days)
    except ValueError as error:
        raise report_fault("compare", str(error)) from None
    dates = {day for other in today_of.values() for day in comparing.dates(other)}
    trading = await load_trading_days(connection, dates)
    codes = dict.fromkeys([store.code for store in menu.stores] + sorted(trading))

    def settle() -> dict[str, StoreDays]:
        return {
            store: comparing.settled(today_of[calendars.of(store).id], trading.get(store))
            for store in codes
            if request.stores.has(store)
        }

    return await asyncio.to_thread(settle)


def _calendar_span(comparing: Comparing, until: int) -> tuple[int, int]:
    """Return from when to when calendars are needed, in Unix seconds."""
    about = datetime.fromtimestamp(until, UTC).date()
    dates = [
        day
        for today in (about - timedelta(days=1), about, about + timedelta(days=1))
        for day in comparing.dates(today)
    ]
    return whole_span(min([about, *dates]), about)


def _pieces(calendars: Calendars, days: Mapping[str, StoreDays], cut: Cut) -> list[Piece]:
    found: list[Piece] = []
    for calendar in calendars.calendars:
        stores = [of for store, of in days.items() if calendars.of(store) is calendar]
        if stores:
            found += pieces_of(calendar, stores, cut)
    return found


def _shops(
    days: Mapping[str, StoreDays], calendars: Calendars, places: UsualPlaces
) -> list[ShopOfReport]:
    return [
        ShopOfReport(
            store,
            calendars.of(store).id,
            calendars.of(store).zone,
            of.reason is None,
            of.weights,
            places.places.get(store, {}),
        )
        for store, of in days.items()
    ]


def _filters(request: ReportRequest) -> ReportFilter:
    return ReportFilter(
        drinks=request.drinks.only,
        without_drinks=request.drinks.without,
        sources=request.sources.only,
        without_sources=request.sources.without,
        min_price=request.min_price,
        max_price=request.max_price,
    )


def _cut(request: ReportRequest, until: int, comparing: Comparing) -> Cut:
    by = request.grouped_by
    by_hour = _QUARTER if "quarter" in by else 3600 if "hour" in by else 0
    return Cut(
        until=until,
        by_hour=by_hour,
        means=bool(by_hour and "weekday" in by),
        from_orders=request.needs_orders,
        marked=frozenset(comparing.marked),
    )


def _needs_minutes_before(pieces: Iterable[Piece], state: ReportState) -> bool:
    return any(
        isinstance(piece, TimePiece)
        and piece.grain == "minute"
        and piece.begins < state.minutes_from
        for piece in pieces
    )
