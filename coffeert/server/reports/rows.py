"""From sums to the rows of a report, with names, changes and the reasons for none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from coffeert.domain.changes import changes_of
from coffeert.domain.comparisons import USUAL_DAYS, USUAL_SCALE
from coffeert.domain.menu import Menu
from coffeert.domain.money import money_text, rounded
from coffeert.domain.period_titles import (
    WEEKDAYS,
    day_text,
    weekday_text,
)
from coffeert.domain.report_plan import Grouping
from coffeert.domain.rollups import Totals
from coffeert.postgres.reports import CorrectionRow, ReportSums
from coffeert.server.reports.context import ReportContext, compared_span, period_span
from coffeert.server.reports.days import date_of
from coffeert.wire.closings import ClosingSummary
from coffeert.wire.reports import (
    Correction,
    Figures,
    Report,
    ReportDetails,
    ReportRow,
    UsualRange,
)

Key = tuple[str | int | date | None, ...]

_NO_DAYS: Final = (0,) * USUAL_DAYS


class _Sums(NamedTuple):
    orders: int = 0
    pieces: int = 0
    takings: int = 0
    like_orders: int = 0
    like_takings: int = 0
    then_orders: int = 0
    then_pieces: int = 0
    then_takings: int = 0
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
    days_orders: tuple[int, ...] = _NO_DAYS
    days_takings: tuple[int, ...] = _NO_DAYS

    def plus(self, row: ReportSums) -> _Sums:
        return _Sums(*(_added(mine, getattr(row, name)) for name, mine in self._asdict().items()))


def _added(mine: Any, more: Any) -> Any:
    if isinstance(mine, tuple):
        return tuple(one + other for one, other in zip(mine, more, strict=True))
    return mine + more


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
        period=period_span(context),
        compared=compared_span(context, compared),
        currency=context.menu.currency or "",
        timezones=tuple(
            dict.fromkeys(
                [default.zone, *(context.calendars.of(store).zone for store in context.days)]
            )
        ),
        stores=sum(bool(of.traded) for of in context.days.values()),
        stores_compared=len(compared),
        stores_without_sale=sum(not of.traded.intersection(of.now.dates()) for of in compared),
        total=writer.row((), total),
        grouped_by=by,
        rows=tuple(writer.row(key, rows[key]) for key in _ordered(context, by, rows)),
    )


def make_details(
    menu: Menu,
    corrections: Sequence[CorrectionRow],
    late: tuple[int, int, int],
    closing: ClosingSummary | None,
) -> ReportDetails:
    """Name what lowers takings, and what came late."""
    stores = {store.code: store.name for store in menu.stores}
    drinks = {drink.code: drink.name for drink in menu.drinks}
    orders, pieces, takings = late
    return ReportDetails(
        corrections=tuple(
            Correction(
                kind=row.kind,
                store=row.store,
                store_name=stores.get(row.store, row.store),
                drink=row.drink,
                drink_name=drinks.get(row.drink, row.drink),
                pieces=row.pieces,
                amount=money_text(row.amount, menu.places),
                placed_at=row.placed_at,
                received_at=row.received_at,
                source=row.source,
                receipt=row.receipt,
            )
            for row in corrections
        ),
        corrections_found=corrections[0].found if corrections else 0,
        late=Figures(orders=orders, pieces=pieces, takings=money_text(takings, menu.places)),
        closing=closing,
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
        self._clocks = {
            context.calendars.of(store).id: _Clock(context, store) for store in context.days
        }
        self._traded = _traded_by_weekday(context)

    def row(self, key: Key, sums: _Sums) -> ReportRow:
        named = dict(zip(self._by, key, strict=False))
        reason = self._reason(named)
        changes = changes_of(
            Totals(sums.like_orders, 0, sums.like_takings),
            Totals(sums.then_orders, 0, sums.then_takings),
            scale=self._scale,
            reason=reason,
        )
        compared = self._figures(
            orders=self._mean(sums.then_orders),
            pieces=self._mean(sums.then_pieces),
            takings=self._mean(sums.then_takings),
            receipts=self._mean(sums.then_receipts) if sums.then_numbered else None,
            with_receipt=self._mean(sums.then_with_receipt),
            receipt_takings=self._mean(sums.then_receipt_takings),
            sold=self._mean(sums.then_sold),
        )
        is_compared = reason is None or reason in _TIMES
        return ReportRow(
            keys=tuple(_key_text(grouping, value) for grouping, value in named.items()),
            names=tuple(self._name(grouping, value) for grouping, value in named.items()),
            figures=self._figures(
                orders=sums.orders,
                pieces=sums.pieces,
                takings=sums.takings,
                receipts=sums.receipts if sums.numbered else None,
                with_receipt=sums.with_receipt,
                receipt_takings=sums.receipt_takings,
                sold=sums.sold,
            ),
            compared=compared if is_compared else None,
            usual_range=self._usual_range(named, sums) if is_compared else None,
            takings_change=changes.takings,
            orders_change=changes.orders,
            per_order_change=changes.per_order,
            days=self._days(named) if "weekday" in named else None,
        )

    def _usual_range(self, named: Mapping[Grouping, object], sums: _Sums) -> UsualRange | None:
        places, store = self._context.places, named.get("store")
        days = places.counts.get(store, 0) if isinstance(store, str) else places.count
        if not days:
            return None
        orders, takings = sums.days_orders[:days], sums.days_takings[:days]
        return UsualRange(
            days=days,
            lowest_orders=min(orders),
            highest_orders=max(orders),
            lowest_takings=self._money(min(takings)),
            highest_takings=self._money(max(takings)),
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
            return reasons.pop() if len(reasons) == 1 else "no store sold then and now"
        begins, seconds = _time_of_day(named)
        if begins is None:
            return None
        day = named.get("day")
        states = {clock.state(begins, seconds, day) for clock in self._clocks.values()}
        return states.pop() if len(states) == 1 else "not over yet"

    def _days(self, named: Mapping[Grouping, object]) -> int:
        """Count the days of a weekday on which something was sold, and whose hour is over."""
        whole, running = self._traded[named.get("store"), named["weekday"]]
        begins, seconds = _time_of_day(named)
        over = {
            day
            for day, calendar in running
            if begins is None or self._clocks[calendar].state(begins, seconds, day) is None
        }
        return len(whole | over)

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

    def _figures(
        self,
        *,
        orders: int,
        pieces: int,
        takings: int,
        receipts: int | None,
        with_receipt: int,
        receipt_takings: int,
        sold: int,
    ) -> Figures:
        if not self._context.request.details:
            return Figures(orders=orders, pieces=pieces, takings=self._money(takings))
        return Figures(
            orders=orders,
            pieces=pieces,
            takings=self._money(takings),
            receipts=receipts,
            orders_with_receipt=None if receipts is None else with_receipt,
            takings_with_receipt=None if receipts is None else self._money(receipt_takings),
            sold=self._money(sold),
            refunded=self._money(sold - takings),
        )

    def _mean(self, weighted: int) -> int:
        return rounded(weighted, self._scale)

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


_Traded = defaultdict[tuple[object, object], tuple[set[date], set[tuple[date, int]]]]


def _traded_by_weekday(context: ReportContext) -> _Traded:
    """Return by store, and with `None` for all, and weekday the days that traded.

    They are those that are over, and those that run, with their calendars. Means leave out marked ones.
    """
    found: _Traded = defaultdict(lambda: (set(), set()))
    left_out = context.cut.marked if context.cut.means else ()
    for store, days in context.days.items():
        for day in days.traded.intersection(days.now.dates()).difference(left_out):
            for key in (store, None):
                over, running = found[key, day.isoweekday()]
                if day == days.now.running:
                    running.add((day, context.calendars.of(store).id))
                else:
                    over.add(day)
    return found


def _time_of_day(named: Mapping[Grouping, object]) -> tuple[int | None, int]:
    """Return when the hour or quarter of a row begins, in seconds after midnight, and its length."""
    quarter, hour = named.get("quarter"), named.get("hour")
    if isinstance(quarter, int):
        return quarter * 900, 900
    return (hour * 3600, 3600) if isinstance(hour, int) else (None, 0)


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
