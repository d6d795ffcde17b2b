"""From sums to the rows of a report, with names, changes and the reasons for none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

import msgspec

from coffeert.domain.calendar import Calendars
from coffeert.domain.comparisons import USUAL_SCALE
from coffeert.domain.menu import Menu
from coffeert.domain.money import money_text
from coffeert.domain.period_titles import (
    WEEKDAYS,
    compared_title,
    day_text,
    span_title,
    usual_title,
    weekday_text,
)
from coffeert.domain.periods import DateSpan
from coffeert.domain.report_plan import Cut, Grouping, StoreDays
from coffeert.postgres.reports import ReportSums
from coffeert.server.reports.days import Comparing, date_of
from coffeert.server.reports.request import ReportRequest
from coffeert.wire.reports import Figures, PercentChange, Report, ReportRow, ReportSpan

SMALLEST_BASE: Final = 20
"""Per cent of fewer orders say nothing."""

Key = tuple[str | int | date | None, ...]


class ReportContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a report was made from; `until` is in Unix seconds."""

    request: ReportRequest
    comparing: Comparing
    menu: Menu
    calendars: Calendars
    until: int
    days: Mapping[str, StoreDays]
    cut: Cut


class _Sums(NamedTuple):
    orders: int = 0
    pieces: int = 0
    takings: int = 0
    like_orders: int = 0
    like_takings: int = 0
    then_orders: int = 0
    then_pieces: int = 0
    then_takings: int = 0

    def plus(self, row: ReportSums) -> _Sums:
        return _Sums(*(mine + getattr(row, name) for name, mine in self._asdict().items()))


def make_report(context: ReportContext, sums: Iterable[ReportSums]) -> Report:
    """Put a report together."""
    total = _Sums()
    rows: dict[Key, _Sums] = {}
    by = context.request.grouped_by
    for row in sums:
        if row.total and row.part != "rows":
            total = total.plus(row)
        elif by and not row.total and row.part != "total" and _is_asked(context, row.day):
            key = tuple(getattr(row, grouping) for grouping in by)
            rows[key] = rows.get(key, _Sums()).plus(row)
    if by == ("store",):  # one that has sold nothing is shown
        for store in context.menu.stores:
            if store.active and store.code in context.days:
                rows.setdefault((store.code,), _Sums())
    writer = _RowWriter(context)
    compared = [of for of in context.days.values() if of.reason is None]
    default = context.calendars.calendars[0]
    return Report(
        period=_period(context),
        compared=_compared(context, compared),
        currency=context.menu.currency or "",
        timezones=tuple(
            dict.fromkeys(
                [default.zone, *(context.calendars.of(store).zone for store in context.days)]
            )
        ),
        stores=sum(bool(of.traded) for of in context.days.values()),
        stores_compared=len(compared),
        total=writer.row((), total),
        grouped_by=by,
        rows=tuple(writer.row(key, rows[key]) for key in _ordered(context, by, rows)),
    )


def _is_asked(context: ReportContext, day: date | None) -> bool:
    """Whether a day is one of the period's: a month may be compared with a longer one."""
    return day is None or any(of.span.first <= day <= of.span.last for of in context.days.values())


class _RowWriter:
    """Writes the rows of one report."""

    def __init__(self, context: ReportContext) -> None:
        self._context = context
        self._by = context.request.grouped_by
        self._places = context.menu.places
        self._scale = USUAL_SCALE if context.comparing.comparison == "usual" else 1
        self._compares = any(of.reason is None for of in context.days.values())
        self._store_names = {store.code: store.name for store in context.menu.stores}
        self._drink_names = {drink.code: drink.name for drink in context.menu.drinks}
        self._clocks = [_Clock(context, place) for place in _places_used(context)]

    def row(self, key: Key, sums: _Sums) -> ReportRow:
        named = dict(zip(self._by, key, strict=False))
        reason = self._reason(named)
        orders = self._mean(sums.then_orders)
        takings = self._mean(sums.then_takings)
        compared = Figures(
            orders=orders, pieces=self._mean(sums.then_pieces), takings=self._money(takings)
        )
        return ReportRow(
            keys=tuple(_key_text(grouping, value) for grouping, value in named.items()),
            names=tuple(self._name(grouping, value) for grouping, value in named.items()),
            figures=Figures(
                orders=sums.orders, pieces=sums.pieces, takings=self._money(sums.takings)
            ),
            compared=compared if reason is None or reason in _TIMES else None,
            takings_change=_change(
                sums.like_takings, sums.then_takings, self._scale, sums.then_orders, reason
            ),
            orders_change=_change(
                sums.like_orders, sums.then_orders, self._scale, sums.then_orders, reason
            ),
            days=self._days(named) if "weekday" in named else None,
        )

    def _reason(self, named: Mapping[Grouping, object]) -> str | None:
        context = self._context
        if named and context.cut.means:
            return "means are not compared"
        store = named.get("store")
        if isinstance(store, str):
            of_store = context.days.get(store)
            if of_store is not None and of_store.reason is not None:
                return of_store.reason
        elif not self._compares:
            reasons = {of.reason for of in context.days.values() if of.traded}
            return reasons.pop() if len(reasons) == 1 else "no store sold on both sides"
        begins, seconds = _time_of_day(named)
        if begins is None:
            return None
        day = named.get("day")
        states = {clock.state(begins, seconds, day) for clock in self._clocks}
        return states.pop() if len(states) == 1 else "not over yet"

    def _days(self, named: Mapping[Grouping, object]) -> int:
        """Count the days of a weekday on which something was sold, and whose hour is over."""
        context = self._context
        begins, seconds = _time_of_day(named)
        found: set[date] = set()
        for store, of_store in context.days.items():
            if named.get("store") not in (None, store):
                continue
            for day in of_store.traded.intersection(of_store.now.dates()):
                if day.isoweekday() != named["weekday"]:
                    continue
                if context.cut.means:
                    clock = _Clock(context, store)
                    if day in context.cut.marked:
                        continue
                    if begins is not None and clock.state(begins, seconds, day) is not None:
                        continue
                found.add(day)
        return len(found)

    def _name(self, grouping: Grouping, value: object) -> str:
        match grouping:
            case "store":
                return self._store_names.get(str(value), str(value))
            case "drink":
                return self._drink_names.get(str(value), str(value))
            case "source" if value is None:
                return "without a source"
            case "weekday" if isinstance(value, int):
                return WEEKDAYS[value - 1]
            case "day" if isinstance(value, date):
                return f"{weekday_text(value)}, {day_text(value, value)}"
            case _:
                return _key_text(grouping, value)

    def _mean(self, weighted: int) -> int:
        return _rounded(weighted, self._scale)

    def _money(self, units: int) -> str:
        return money_text(units, self._places)


class _Clock:
    """What the wall clocks of a store show now, in seconds since its day was to begin."""

    def __init__(self, context: ReportContext, store: str) -> None:
        calendar = context.calendars.of(store)
        self.today = date_of(calendar, context.until)
        self.running = context.days[store].now.running == self.today
        self._starts = calendar.starts * 60
        midnight = datetime(self.today.year, self.today.month, self.today.day, tzinfo=UTC)
        wall = calendar.wall_clock(context.until, int(midnight.timestamp()))
        self._now = wall - self._starts

    def state(self, begins: int, seconds: int, day: object) -> str | None:
        """Say whether a time of the day is not over yet; `None` if it is, or if the day is."""
        if not self.running or day not in (None, self.today):
            return None
        since = (begins - self._starts) % _DAY_SECONDS
        if self._now <= since:
            return "still to come"
        return "not over yet" if self._now < since + seconds else None


_DAY_SECONDS: Final = 86400
_TIMES: Final = ("still to come", "not over yet")


def _places_used(context: ReportContext) -> list[str]:
    """Return one store of each calendar."""
    stores = {context.calendars.of(store).id: store for store in context.days}
    return list(stores.values())


def _time_of_day(named: Mapping[Grouping, object]) -> tuple[int | None, int]:
    """Return when the hour or quarter of a row begins, in seconds after midnight, and its length."""
    quarter, hour = named.get("quarter"), named.get("hour")
    if isinstance(quarter, int):
        return quarter * 900, 900
    return (hour * 3600, 3600) if isinstance(hour, int) else (None, 0)


def _change(now: int, then: int, scale: int, base: int, reason: str | None) -> PercentChange:
    if reason is not None:
        return PercentChange(reason=reason)
    if base <= 0 or then <= 0:
        return PercentChange(reason="nothing sold then")
    if base < SMALLEST_BASE * scale:
        return PercentChange(reason=f"fewer than {SMALLEST_BASE} orders then")
    return PercentChange(percent=_rounded(100 * (now * scale - then), then))


def _rounded(number: int, divisor: int) -> int:
    """Divide and round half away from zero."""
    whole = (2 * abs(number) + divisor) // (2 * divisor)
    return whole if number >= 0 else -whole


def _key_text(grouping: Grouping, value: object) -> str:
    match grouping:
        case "quarter" if isinstance(value, int):
            return f"{value // 4:02}:{value % 4 * 15:02}"
        case "hour" if isinstance(value, int):
            return f"{value:02}:00"
        case _:
            return "" if value is None else str(value)


def _ordered(
    context: ReportContext, by: Sequence[Grouping], rows: Mapping[Key, _Sums]
) -> list[Key]:
    """Order rows by time, or by takings if they are of no time."""
    starts = context.calendars.calendars[0].starts
    if by and not set(by) & {"quarter", "hour", "day", "weekday"}:
        return sorted(rows, key=lambda key: (-rows[key].takings, *map(str, key)))
    since = {"quarter": starts // 15, "hour": starts // 60}

    def order(key: Key) -> tuple[tuple[int, str], ...]:
        parts = []
        for grouping, value in zip(by, key, strict=True):
            if isinstance(value, int):
                around = {"quarter": 96, "hour": 24}.get(grouping, 8)
                parts.append(((value - since.get(grouping, 0)) % around, ""))
            else:
                parts.append((0, str(value)))
        return tuple(parts)

    return sorted(rows, key=order)


def _period(context: ReportContext) -> ReportSpan:
    today = date_of(context.calendars.calendars[0], context.until)
    span = context.comparing.period.span(today, context.comparing.week_starts)
    spans = [of.span for of in context.days.values()] or [span]
    running = any(of.now.running for of in context.days.values())
    return ReportSpan(
        name=context.comparing.period.name,
        title=span_title(span, context.comparing.period.unit, today),
        first=min(one.first for one in spans),
        last=max(one.last for one in spans),
        until=datetime.fromtimestamp(context.until, UTC) if running else None,
    )


def _compared(context: ReportContext, stores: Sequence[StoreDays]) -> ReportSpan | None:
    calendar = context.calendars.calendars[0]
    today = date_of(calendar, context.until)
    comparing = context.comparing
    if not stores:
        return None
    dates = sorted({day for of in stores for day in (of.weights or of.then.dates())})
    own = comparing.days(today)
    span = comparing.period.span(today, comparing.week_starts)
    running = own.now.running
    if comparing.comparison == "usual":
        title = usual_title(span, max(len(of.weights or ()) for of in stores))
    else:
        then = sorted(own.then.dates()) or dates
        title = compared_title(
            comparing.comparison,
            comparing.period.unit,
            span,
            DateSpan(then[0], then[-1]),
            today,
            mark=comparing.marked.get(then[0], "") if len(then) == 1 else "",
        )
    until = None
    if running is not None:
        wall = calendar.wall_clock(context.until, 0) % _DAY_SECONDS
        words = f"by {wall // 3600:02}:{wall % 3600 // 60:02}"
        name, space, bracket = title.partition(" (")
        title = f"{name} {words}{space}{bracket}"
        until = _compared_until(context, own)
    return ReportSpan(
        name=comparing.comparison, title=title, first=dates[0], last=dates[-1], until=until
    )


def _compared_until(context: ReportContext, own: StoreDays) -> datetime | None:
    calendar = context.calendars.calendars[0]
    if own.then.running is None or context.comparing.comparison == "usual":
        return None
    today, then = (
        int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        for day in (date_of(calendar, context.until), own.then.running)
    )
    wall = calendar.wall_clock(context.until, today)
    return datetime.fromtimestamp(calendar.day_until(then, wall), UTC)
