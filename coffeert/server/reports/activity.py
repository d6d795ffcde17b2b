"""Which stores sell as they usually do at this time, which are quiet, and which have a rush.

A store is quiet if it has sold nothing for longer than 99 of 100 gaps between its sales at this weekday
and hour. Gaps of a slow store are too few to be counted, so that percentile is worked out by the minute.
Of the minutes of the same quarter hours on its last four same weekdays, some had a sale: a gap is longer
than 99 of 100 once the probability that none of its minutes has one is below one per cent. So a store
closes and opens, has its rush and its lull by its own habit, and a receipt of many lines is one sale.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from coffeert.domain.calendar import QUARTER_SECONDS, BusinessCalendar
from coffeert.domain.comparisons import SMALLEST_BASE
from coffeert.postgres.windows import QuarterRow
from coffeert.wire.reports import StoreActivity

RUSH_MINUTES: Final = 10

_QUIET: Final = -math.log(0.01)
_AROUND_SECONDS: Final = 1800
_OPEN: Final = 1.0
"""A store that usually sells so often in the hour around a moment is open then."""

ByQuarter = Mapping[int, float]
"""Of the quarter hours of a usual day, by how many seconds after midnight they begin."""


class UsualDay(msgspec.Struct, frozen=True):
    """A store's sales in the quarter hours of the mean of some days, and how far no sale surprises.

    `surprise` is the negative logarithm of the probability that a quarter hour has no sale.
    """

    days: int
    orders: ByQuarter
    surprise: ByQuarter

    @classmethod
    def of(cls, calendar: BusinessCalendar, rows: Iterable[QuarterRow], days: int) -> UsualDay:
        """Make the usual day from sums over so many days; after midnight hours go on counting."""
        orders: dict[int, float] = {}
        surprise: dict[int, float] = {}
        minutes = days * QUARTER_SECONDS // 60
        for row in rows:
            second = row.quarter * QUARTER_SECONDS
            if second < calendar.starts * 60:
                second += 86400
            orders[second] = row.orders / days
            # Of one minute more, without a sale: a sale in each so far does not make the next one certain.
            share = min(row.minutes, minutes) / (minutes + 1)
            surprise[second] = -math.log1p(-share) * QUARTER_SECONDS / 60
        return cls(days, orders, surprise)


def between(quarters: ByQuarter, begins: float, ends: float) -> float:
    """Sum quarter hours from one second after midnight to another; of cut ones a share."""
    return sum(
        value
        * max(0.0, min(ends, second + QUARTER_SECONDS) - max(begins, second))
        / QUARTER_SECONDS
        for second, value in quarters.items()
    )


def store_activity(
    store: str,
    name: str,
    calendar: BusinessCalendar,
    now: datetime,
    last_sale: datetime | None,
    orders_10m: int,
    usual: UsualDay | None,
) -> StoreActivity:
    """Judge a store; `usual` is `None` if there is too little history."""
    activity = StoreActivity(
        store=store,
        name=name,
        last_sale=last_sale,
        usual_gap=None,
        usually_open=None,
        quiet=False,
        orders_10m=orders_10m,
    )
    if usual is None:
        return activity
    until = now.timestamp()
    midnight = calendar.day_of(until)
    wall = until + calendar.offset_at(until) - midnight
    around = between(usual.orders, wall - _AROUND_SECONDS, wall + _AROUND_SECONDS)
    # Before it usually opens, a store is not silent.
    since = float(min(usual.orders, default=0))
    if last_sale is not None and last_sale.timestamp() >= calendar.day(midnight)[0]:
        # By the offset of now: over an hour that is skipped or repeated, silence is as long as it was.
        since = max(since, last_sale.timestamp() + calendar.offset_at(until) - midnight)
    is_open = around >= _OPEN
    quiet = is_open and between(usual.surprise, since, wall) >= _QUIET
    ends = wall // 60 * 60
    usual_10m = between(usual.orders, ends - RUSH_MINUTES * 60, ends)
    return msgspec.structs.replace(
        activity,
        usual_gap=round(2 * _AROUND_SECONDS / around, 1) if is_open else None,
        usually_open=is_open,
        quiet=quiet,
        silent_for=round(max(0.0, wall - since), 1) if quiet else 0.0,
        usual_10m=round(usual_10m, 2),
        rush=round(orders_10m / usual_10m, 2) if usual_10m * usual.days >= SMALLEST_BASE else None,
    )


def rush_span(now: datetime) -> tuple[datetime, datetime]:
    """Return from when to when the orders are that a rush is judged by: ten whole minutes."""
    ends = now.replace(second=0, microsecond=0)
    return ends - timedelta(minutes=RUSH_MINUTES), ends
