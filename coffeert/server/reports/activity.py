"""Which stores sell as they usually do at this time, and which are quiet.

Sales of a store are taken for a Poisson process whose rate is that of the same quarter hours of the last
four same weekdays that traded. If so many sales were to be expected since the last one that none has a
probability below one per cent, the store is quiet: it closes and opens, has its rush and its lull by its
own habit.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

from coffeert.domain.calendar import QUARTER_SECONDS, BusinessCalendar
from coffeert.domain.comparisons import USUAL_SCALE
from coffeert.postgres.reports import ReportSums
from coffeert.wire.reports import StoreActivity

_QUIET: Final = -math.log(0.01)
"""So many sales were to be expected if the probability of none is one per cent."""
_AROUND_SECONDS: Final = 1800
_OPEN: Final = 1.0
"""A store that usually sells so often in the hour around a moment is open then."""

UsualSales = dict[int, float]
"""Sales in the quarter hours of a usual day, by how many seconds after midnight they begin."""


def usual_sales(calendar: BusinessCalendar, rows: list[ReportSums]) -> UsualSales:
    """Return the sales of a usual day of a store; after midnight hours go on counting."""
    found: UsualSales = {}
    for row in rows:
        if row.quarter is None:
            continue
        second = row.quarter * QUARTER_SECONDS
        if second < calendar.starts * 60:
            second += 86400
        found[second] = found.get(second, 0.0) + row.then_orders / USUAL_SCALE
    return found


def sales_between(usual: UsualSales, begins: float, ends: float) -> float:
    """Return how many sales are usual from one second after midnight to another."""
    return sum(
        sales
        * max(0.0, min(ends, second + QUARTER_SECONDS) - max(begins, second))
        / QUARTER_SECONDS
        for second, sales in usual.items()
    )


def store_activity(
    store: str,
    name: str,
    calendar: BusinessCalendar,
    until: float,
    last_sale: datetime | None,
    usual: UsualSales | None,
) -> StoreActivity:
    """Judge a store; `until` is in Unix seconds, and `usual` is `None` if there is too little history."""
    if usual is None:
        return StoreActivity(
            store=store,
            name=name,
            last_sale=last_sale,
            usual_gap=None,
            usually_open=None,
            quiet=False,
        )
    midnight = calendar.day_of(until)
    now = until + calendar.offset_at(until) - midnight
    around = sales_between(usual, now - _AROUND_SECONDS, now + _AROUND_SECONDS)
    since = 0.0
    if last_sale is not None and last_sale.timestamp() >= calendar.day(midnight)[0]:
        moment = last_sale.timestamp()
        since = moment + calendar.offset_at(moment) - midnight
    is_open = around >= _OPEN
    return StoreActivity(
        store=store,
        name=name,
        last_sale=last_sale,
        usual_gap=round(2 * _AROUND_SECONDS / around, 1) if is_open else None,
        usually_open=is_open,
        quiet=is_open and sales_between(usual, since, now) >= _QUIET,
    )
