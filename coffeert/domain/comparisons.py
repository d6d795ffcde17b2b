"""Which days a period is compared with."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Set
from datetime import date, timedelta
from typing import Final, Literal, get_args

from coffeert.domain.periods import DateSpan, ElapsedDays, Period, month_of

Comparison = Literal["last-week", "yesterday", "before", "usual", "last-year"]
"""What a period is compared with: the same weekday of last week (or the week before, for a week), the day
before, the window before of the same length, the mean of the last four same weekdays that traded, or 364
days earlier; a month is compared with the month before, or with that of last year."""
COMPARISONS: Final[tuple[Comparison, ...]] = get_args(Comparison)

USUAL_DAYS: Final = 4
"""Of how many days the usual one is the mean."""
USUAL_DAYS_NEEDED: Final = 3
USUAL_WEIGHTS: Final = {3: 4, 4: 3}
"""The weight of each of so many days in a sum that is `USUAL_SCALE` times their mean."""
USUAL_SCALE: Final = 12
SMALLEST_BASE: Final = 20
"""Orders: a change against fewer is no per cent."""
_USUAL_WEEKS: Final = 13
"""How many weeks back such days are looked for."""

_WEEK: Final = 7
_YEAR: Final = 364
"""52 weeks, so that weekdays meet their like."""


def default_comparison(period: Period) -> Comparison:
    """Return what a period is compared with if nothing is asked for."""
    return "last-week" if period.unit in ("day", "week") else "before"


def check_comparison(period: Period, comparison: Comparison, days: int) -> None:
    """Raise `ValueError` if a period of so many days cannot be compared so."""
    if comparison == "yesterday" and days > 1:
        raise ValueError("can be yesterday for a single day only")
    if comparison in ("last-week", "usual") and (days > _WEEK or period.unit == "month"):
        raise ValueError(f"can be {comparison} for at most seven days")


def compared_days(
    period: Period,
    comparison: Comparison,
    span: DateSpan,
    elapsed: ElapsedDays,
    marked: Collection[date],
) -> ElapsedDays:
    """Return the days that those of a period that have begun are compared with, but for `usual`."""
    if period.unit == "month" and comparison in ("before", "last-year"):
        return _in_month(_month_before(span.first, 1 if comparison == "before" else 12), elapsed)
    if comparison == "last-year" and span.days == 1 and span.first in marked:
        return elapsed.moved(-(span.first - _month_before(span.first, 12)).days)
    return elapsed.moved(
        {"last-week": -_WEEK, "yesterday": -1, "last-year": -_YEAR}.get(comparison, -span.days)
    )


def _month_before(day: date, months: int) -> date:
    """Return the same day of a month before, or the last one that it has."""
    number = day.year * 12 + day.month - 1 - months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _in_month(first: date, elapsed: ElapsedDays) -> ElapsedDays:
    """Return the same days of the month that begins then; all of them if the other month is over."""
    month = month_of(first)
    if elapsed.running is None:
        return ElapsedDays(None if elapsed.whole is None else month, None)
    number = elapsed.running.day
    if number > month.days:  # has no such day
        return ElapsedDays(month, None)
    before = None if number == 1 else DateSpan(first, first + timedelta(days=number - 2))
    return ElapsedDays(before, first + timedelta(days=number - 1))


def usual_candidates(elapsed: ElapsedDays) -> list[date]:
    """Return the days among which the usual ones are found, latest first."""
    days = list(elapsed.dates())
    return [
        day - timedelta(days=_WEEK * week) for week in range(1, _USUAL_WEEKS + 1) for day in days
    ]


def usual_days(
    elapsed: ElapsedDays, traded: Set[date], marked: Collection[date]
) -> dict[date, int]:
    """Return the weights of the days whose weighted sum is `USUAL_SCALE` times the usual period.

    That is the sum, over the days of the period, of the mean of the last four same weekdays before it
    that traded and are not marked. Empty if there are fewer than three for one of them.
    """
    weights: dict[date, int] = {}
    for day in elapsed.dates():
        found = _last_that_traded(day, traded, marked)
        if len(found) < USUAL_DAYS_NEEDED:
            return {}
        weights |= dict.fromkeys(found, USUAL_WEIGHTS[len(found)])
    return weights


def _last_that_traded(day: date, traded: Set[date], marked: Collection[date]) -> list[date]:
    same = (day - timedelta(days=_WEEK * week) for week in range(1, _USUAL_WEEKS + 1))
    found = [other for other in same if other in traded and other not in marked]
    return found[:USUAL_DAYS]
