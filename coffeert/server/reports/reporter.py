"""Makes reports: reads what they are of, as of the last pass, and puts them together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from coffeert.domain.calendar import Calendars, whole_span
from coffeert.domain.comparisons import check_comparison, default_comparison
from coffeert.domain.menu import Menu
from coffeert.domain.report_plan import Cut, Piece, StoreDays, TimePiece, pieces_of
from coffeert.errors import FieldError, Invalid
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.pool import Connection, Pool
from coffeert.postgres.reports import (
    ReportState,
    ShopOfReport,
    load_report_state,
    load_report_sums,
    load_trading_days,
    report_transaction,
)
from coffeert.server.reports.days import Comparing, date_of
from coffeert.server.reports.request import ReportRequest
from coffeert.server.reports.rows import ReportContext, make_report
from coffeert.wire.reports import Report

_ACQUIRE_SECONDS: Final = 2.0
_STATEMENT_SECONDS: Final = 5.0
_AT_ONCE: Final = 2
"""How many reports are read at a time; others wait. Orders need the other connections."""
_MOST_ROWS: Final = 20_000
_QUARTER: Final = 900
_MINUTE: Final = 60


class Reporter:
    """Makes reports; `menu` returns the current one."""

    def __init__(self, pool: Pool, menu: Callable[[], Menu]) -> None:
        self.menu = menu
        self._pool = pool
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def report(self, request: ReportRequest) -> Report:
        """Make a report; raises `Invalid`, `Unavailable` and `DatabaseUnavailable`."""
        async with (
            self._turns,
            self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection,
            report_transaction(connection, _STATEMENT_SECONDS),
        ):
            return await _read(connection, request, self.menu())


async def _read(connection: Connection, request: ReportRequest, menu: Menu) -> Report:
    state = await load_report_state(connection)
    comparing = Comparing(
        request.period, request.comparison or default_comparison(request.period), 1, {}
    )
    until = int(state.as_of.timestamp()) // _MINUTE * _MINUTE
    calendars = await load_calendars(connection, *_calendar_span(comparing, until))
    days = await _days_of_stores(connection, request, menu, comparing, calendars, until)
    cut = _cut(request, until, comparing)
    pieces = _pieces(calendars, days, cut)
    if _needs_minutes_before(pieces, state):
        until = until // _QUARTER * _QUARTER
        cut = _cut(request, until, comparing)
        pieces = _pieces(calendars, days, cut)
    shops = [
        ShopOfReport(
            store,
            calendars.of(store).id,
            calendars.of(store).zone,
            of_store.reason is None,
            of_store.weights,
        )
        for store, of_store in days.items()
    ]
    sums = await load_report_sums(
        connection,
        shops,
        pieces,
        request.grouped_by,
        drinks=request.drinks.only,
        without_drinks=request.drinks.without,
        most_rows=_MOST_ROWS + 1,
    )
    if len(sums) > _MOST_ROWS:
        raise Invalid(
            "The report has too many rows.",
            errors=(FieldError("by", f"gives more than {_MOST_ROWS:,} rows; ask for fewer days"),),
        )
    return make_report(
        ReportContext(
            request=request,
            comparing=comparing,
            menu=menu,
            calendars=calendars,
            until=until,
            days=days,
            cut=cut,
        ),
        sums,
    )


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
        raise _invalid("period", "has not begun")
    try:
        check_comparison(comparing.period, comparing.comparison, span.days)
    except ValueError as error:
        raise _invalid("compare", str(error)) from None
    dates = {day for other in today_of.values() for day in comparing.dates(other)}
    trading = await load_trading_days(connection, dates)
    codes = dict.fromkeys([store.code for store in menu.stores] + sorted(trading))
    return {
        store: comparing.settled(today_of[calendars.of(store).id], trading.get(store))
        for store in codes
        if request.stores.has(store)
    }


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


def _invalid(field: str, message: str) -> Invalid:
    return Invalid("The report cannot be made.", errors=(FieldError(field, message),))
