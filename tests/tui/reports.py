"""Reports of the scripted shop: its live sums, spread over a day like a real shop's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from coffeert.domain.changes import changes_of
from coffeert.domain.money import money_text
from coffeert.domain.rollups import ZERO, StoreDrink, Totals, sum_up
from coffeert.tui.model.report_request import Selection, WantedReport
from coffeert.wire.closings import ClosingChange, ClosingFigures, ClosingSummary
from coffeert.wire.reports import (
    Activity,
    Figures,
    Report,
    ReportDetails,
    ReportRow,
    ReportSpan,
    StoreActivity,
)

if TYPE_CHECKING:
    from tests.tui.scripted import House

_OPEN, _CLOSE = 7 * 4, 18 * 4
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TITLES = {
    "last-week": "last {day} by {clock}",
    "yesterday": "yesterday by {clock}",
    "usual": "the usual {day} (mean of 4)",
    "last-year": "{day}, 15 March 2025",
    "before": "the days before",
}


def report_of(house: House, request: WantedReport, now: datetime) -> Report:
    """Return a report: today's is what the live view says, all others are made up."""
    day = now.astimezone(UTC).date()
    lengths = {"7-days": 6, "28-days": 27, "week": day.weekday(), "month": day.day - 1}
    back = lengths.get(request.period, 0)
    last = day - timedelta(days=1) if request.period == "yesterday" else day
    rows = _ROWS[request.by](house, now, back + 1, request.selection)
    if request.compare is None:
        rows = [(keys, name, own, None, days) for keys, name, own, _, days in rows]
    clock = f"{now:%H:%M}"
    title = _TITLES[request.compare or "last-week"].format(day=_DAYS[day.weekday()], clock=clock)
    own, before = _sum(row[2] for row in rows), _sum(row[3] or ZERO for row in rows)
    if request.by == ("quarter",):
        quarter = _quarter(now)
        before = _sum(row[3] or ZERO for row in rows if _number(row[0][0]) < quarter)
    return Report(
        period=ReportSpan(
            name=request.period,
            title=f"{_DAYS[last.weekday()]}, {last.day} March",
            first=last - timedelta(days=back),
            last=last,
            until=now.replace(second=0, microsecond=0) if last == day else None,
        ),
        compared=None
        if request.compare is None
        else ReportSpan(name=request.compare, title=title, first=day, last=day),
        currency="EUR",
        timezones=("UTC",),
        stores=len(house.stores),
        stores_compared=None if request.compare is None else len(house.stores),
        total=_row((), "", own, None if request.compare is None else before, None),
        grouped_by=request.by,
        rows=tuple(_row(*row) for row in rows) if request.by else (),
        details=_details(last) if request.details and last < day else None,
    )


def _details(day: date) -> ReportDetails:
    """Return those of a day that was closed, and of which an order was voided since."""
    then = ClosingFigures(
        orders=0,
        pieces=0,
        takings="0.00",
        sold="0.00",
        refunded="0.00",
        voids=0,
        voided="0.00",
        receipts=None,
        orders_with_receipt=0,
        takings_with_receipt="0.00",
    )
    changed = msgspec.structs.replace(then, takings="-4.80")
    return ReportDetails(
        corrections=(),
        corrections_found=0,
        late=Figures(orders=0, pieces=0, takings="0.00"),
        closing=ClosingSummary(
            number=12,
            day=day,
            title="",
            closed_at=datetime(day.year, day.month, day.day, tzinfo=UTC)
            + timedelta(days=1, hours=1),
            currency="EUR",
            corrects=None,
            corrected_by=None,
            figures=then,
            changed=ClosingChange(late_orders=1, difference=changed, now=changed),
        ),
    )


def activity_of(house: House, now: datetime, quiet: str = "southend") -> Activity:
    """Return when the stores sold last: all just now, but one."""
    return Activity(
        as_of=now,
        stores=tuple(
            StoreActivity(
                store=code,
                name=code.title(),
                last_sale=now - timedelta(minutes=9 if code == quiet else 0, seconds=20),
                usual_gap=110.0,
                usually_open=True,
                quiet=code == quiet,
            )
            for code in house.stores
        ),
    )


_Rows = Callable[["House", datetime, int, Selection], list["_Row"]]
_Row = tuple[tuple[str, ...], str, Totals, Totals | None, int | None]


def _row(
    keys: tuple[str, ...], name: str, own: Totals, before: Totals | None, days: int | None
) -> ReportRow:
    changes = None if before is None else changes_of(own, before)
    return ReportRow(
        keys=keys,
        names=(name,) * len(keys),
        figures=_figures(own),
        compared=None if before is None else _figures(before),
        takings_change=None if changes is None else changes.takings,
        orders_change=None if changes is None else changes.orders,
        per_order_change=None if changes is None else changes.per_order,
        days=days,
    )


def _figures(totals: Totals) -> Figures:
    return Figures(
        orders=totals.orders, pieces=totals.quantity, takings=money_text(totals.cents, 2)
    )


def _sum(many: Iterable[Totals]) -> Totals:
    return sum_up(many)


def _cells(house: House, selection: Selection) -> dict[StoreDrink, Totals]:
    stores, drinks = selection.stores, selection.drinks
    lowest, highest = selection.min_price or 0, selection.max_price or 10**9
    return {
        pair: totals
        for pair, totals in house.view.cube.today_cells().items()
        if (stores is None or pair.store in stores)
        and (drinks is None or pair.drink in drinks)
        and lowest <= house.price_of(pair.drink) <= highest
    }


def _scaled(totals: Totals, part: float) -> Totals:
    return Totals(*(round(figure * part) for figure in totals))


def _weight(quarter: int) -> float:
    """Return how busy a quarter hour is: a morning peak and a longer one at noon."""
    if not _OPEN <= quarter < _CLOSE:
        return 0.0
    morning = math.exp(-(((quarter - 34) / 5) ** 2))
    noon = math.exp(-(((quarter - 51) / 7) ** 2))
    return 0.25 + morning + 0.9 * noon + 0.07 * math.sin(quarter * 2.3)


def _quarter(now: datetime) -> int:
    return now.hour * 4 + now.minute // 15


def _number(label: str) -> int:
    return int(label[:2]) * 4 + int(label[3:]) // 15


def _quarters(house: House, now: datetime, days: int, selection: Selection) -> list[_Row]:
    total = sum_up(_cells(house, selection).values())
    running = _quarter(now)
    over = sum(_weight(quarter) for quarter in range(running + 1))
    rows: list[_Row] = []
    for quarter in range(96):
        part = _weight(quarter) / over
        own = _scaled(total, part) if quarter <= running else ZERO
        if quarter == running:
            own = _scaled(own, (now.minute % 15) / 15)
        before = _scaled(total, part * (0.93 + 0.12 * math.sin(quarter)))
        label = f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"
        if own != ZERO or before != ZERO:
            rows.append(((label,), label, own, before, None))
    return rows


def _by(index: int) -> _Rows:
    def rows(house: House, now: datetime, days: int, selection: Selection) -> list[_Row]:
        sums: dict[str, Totals] = {}
        for pair, totals in _cells(house, selection).items():
            sums[pair[index]] = sums.get(pair[index], ZERO).plus(totals)
        return [
            (
                (code,),
                code.title(),
                _scaled(own, days),
                _scaled(own, days * (0.9 + 0.05 * at)),
                None,
            )
            for at, (code, own) in enumerate(sorted(sums.items()))
        ]

    return rows


def _days(house: House, now: datetime, days: int, selection: Selection) -> list[_Row]:
    total = sum_up(_cells(house, selection).values())
    rows: list[_Row] = []
    for back in range(days - 1, -1, -1):
        day = (now - timedelta(days=back)).date()
        part = 0.6 if day.weekday() == 6 else 1 + 0.08 * day.weekday()
        own = _scaled(total, part if back else 0.5)
        rows.append(((day.isoformat(),), day.isoformat(), own, _scaled(total, part * 0.9), None))
    return rows


def _week(house: House, now: datetime, days: int, selection: Selection) -> list[_Row]:
    rows: list[_Row] = []
    for weekday in range(1, 8):
        for hour in range(_OPEN // 4, _CLOSE // 4):
            busy = sum(_weight(hour * 4 + quarter) for quarter in range(4))
            orders = round(busy * (0.5 if weekday == 7 else 0.8 + 0.07 * weekday) * 160)
            keys = str(weekday), f"{hour:02d}:00"
            rows.append((keys, keys[1], Totals(orders, orders, orders * 400), None, 4))
    return rows


_ROWS: dict[tuple[str, ...], _Rows] = {
    (): _by(0),
    ("quarter",): _quarters,
    ("store",): _by(0),
    ("drink",): _by(1),
    ("day",): _days,
    ("weekday", "hour"): _week,
}
