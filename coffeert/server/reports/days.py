"""Which days of each store a report is about, and whether the store is compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

import msgspec

from coffeert.domain.calendar import BusinessCalendar
from coffeert.domain.comparisons import (
    Comparison,
    compared_days,
    usual_candidates,
    usual_days,
)
from coffeert.domain.orders import MIN_PLACED_AT
from coffeert.domain.period_titles import day_text
from coffeert.domain.periods import Period, elapsed_days
from coffeert.domain.report_plan import StoreDays
from coffeert.postgres.reports import TradingDays

_EARLIEST = MIN_PLACED_AT.date()


def date_of(calendar: BusinessCalendar, moment: int) -> date:
    """Return the business date of a moment in Unix seconds."""
    return datetime.fromtimestamp(calendar.day_of(moment), UTC).date()


class Comparing(NamedTuple):
    """A period, and what it is compared with; `marked` are holidays by their names."""

    period: Period
    comparison: Comparison
    week_starts: int
    marked: Mapping[date, str]

    def days(self, today: date) -> StoreDays:
        """Return the days of a store whose business date is `today`."""
        span = self.period.span(today, self.week_starts)
        now = elapsed_days(span, today)
        then = compared_days(self.period, self.comparison, span, now, self.marked)
        return StoreDays(span=span, now=now, then=then)

    def dates(self, today: date) -> list[date]:
        """Return every date that may matter to such a store."""
        days = self.days(today)
        now = list(days.now.dates())
        if self.comparison == "usual":
            return now + usual_candidates(days.now)
        return now + [day for day in days.then.dates() if day >= _EARLIEST]

    def settled(self, today: date, trading: TradingDays | None) -> StoreDays:
        """Return the days with the usual ones chosen, and why the store is not compared, if so."""
        days = self.days(today)
        now = set(days.now.dates())
        then: Collection[date] = list(days.then.dates())
        weights = None
        reason = None
        if self.comparison == "usual":
            traded = frozenset() if trading is None else trading.dates
            then = weights = usual_days(days.now, traded, self.marked)
        # A day that runs is compared by the clock, before its first sale too.
        if trading is None or not (trading.dates & now or days.now.running):
            reason = "nothing sold yet" if days.now.running else "nothing sold"
        elif self.comparison == "usual":
            reason = None if weights else "not enough history"
        elif trading.first > min(then):
            reason = f"no figures before {day_text(trading.first, today)}"
        elif not trading.dates.intersection(then):
            reason = "nothing sold then"
        return msgspec.structs.replace(
            days,
            weights=weights,
            traded=frozenset() if trading is None else trading.dates.intersection([*now, *then]),
            reason=reason,
        )
