"""Periods of business days by name, and the days that each is compared with.

Definitions: docs/decisions/0039-reports.md.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from coffeert.domain.orders import MIN_PLACED_AT

Unit = Literal["day", "week", "month", "days"]
"""What a period is one of; `days` is any other number of days."""

PERIODS: Final = ("today", "yesterday", "7-days", "28-days", "week", "last-week", "month")
"""Names of periods; others are dates: `2026-11-26`, `2026-11`, `2026-11-01..2026-11-15`."""
MAX_DAYS: Final = 1100
"""Three years and a little."""

_WEEK: Final = 7
LAST_DAY: Final = date(2099, 12, 1)
"""Calendars reach to the end of that month."""
_ONE: Final = timedelta(days=1)
_MONTH: Final = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ROLLING: Final = {"7-days": 7, "28-days": 28}


class DateSpan(NamedTuple):
    """Dates from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many they are."""
        return (self.last - self.first).days + 1

    def dates(self) -> Iterator[date]:
        """Go through all of them."""
        return (self.first + timedelta(days=day) for day in range(self.days))

    def moved(self, days: int) -> DateSpan:
        """Return as many dates so many days later."""
        return DateSpan(self.first + timedelta(days=days), self.last + timedelta(days=days))


class ElapsedDays(NamedTuple):
    """The part of a span that is over, and of its other days the one that ends by now."""

    whole: DateSpan | None
    running: date | None

    @property
    def first(self) -> date | None:
        """The first of them, `None` if there are none."""
        return self.running if self.whole is None else self.whole.first

    def dates(self) -> Iterator[date]:
        """Go through all of them."""
        if self.whole is not None:
            yield from self.whole.dates()
        if self.running is not None:
            yield self.running

    def moved(self, days: int) -> ElapsedDays:
        """Return the same days so many days later."""
        return ElapsedDays(
            None if self.whole is None else self.whole.moved(days),
            None if self.running is None else self.running + timedelta(days=days),
        )


class Period(msgspec.Struct, frozen=True):
    """A period as it was asked for; `fixed` are its dates unless they follow from today."""

    name: str
    unit: Unit
    fixed: DateSpan | None = None

    def span(self, today: date, week_starts: int = 1) -> DateSpan:
        """Return the dates, of which some may be ahead; weeks start at weekday 1 to 7."""
        if self.fixed is not None:
            return self.fixed
        if self.name in _ROLLING:
            return DateSpan(today - timedelta(days=_ROLLING[self.name] - 1), today)
        monday = today - timedelta(days=(today.isoweekday() - week_starts) % _WEEK)
        match self.name:
            case "today":
                return DateSpan(today, today)
            case "yesterday":
                return DateSpan(today - _ONE, today - _ONE)
            case "week":
                return DateSpan(monday, monday + timedelta(days=_WEEK - 1))
            case "last-week":
                return DateSpan(monday - timedelta(days=_WEEK), monday - _ONE)
            case _:
                return month_of(today)


def parse_period(text: str) -> Period:
    """Read a period: a name, a date, a month, or two dates; raises `ValueError`."""
    match text:
        case "today" | "yesterday":
            return Period(text, "day")
        case "week" | "last-week":
            return Period(text, "week")
        case "month":
            return Period(text, "month")
        case "7-days" | "28-days":
            return Period(text, "days")
    first, two, last = text.partition("..")
    if two:
        span = DateSpan(_date(first), _date(last))
        if span.last < span.first:
            raise ValueError("must not end before it begins")
        if span.days > MAX_DAYS:
            raise ValueError(f"must have at most {MAX_DAYS:,} days")
        return Period(text, "day" if span.days == 1 else "days", span)
    if found := _MONTH.fullmatch(text):
        return Period(text, "month", month_of(_date(f"{found[1]}-{found[2]}-01")))
    day = _date(text)
    return Period(text, "day", DateSpan(day, day))


def _date(text: str) -> date:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "must be today, yesterday, 7-days, 28-days, week, last-week or month, or a date such as "
            "2026-11-26, a month such as 2026-11, or two dates such as 2026-11-01..2026-11-15"
        ) from None
    if not MIN_PLACED_AT.date() <= day <= LAST_DAY:
        raise ValueError(f"must lie between {MIN_PLACED_AT:%Y-%m-%d} and {LAST_DAY:%Y-%m-%d}")
    return day


def month_of(day: date) -> DateSpan:
    """Return the dates of a day's month."""
    return DateSpan(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


def elapsed_days(span: DateSpan, today: date) -> ElapsedDays:
    """Return the days of a span that have begun; the running one is apart."""
    if today > span.last:
        return ElapsedDays(span, None)
    if today < span.first:
        return ElapsedDays(None, None)
    before = None if today == span.first else DateSpan(span.first, today - _ONE)
    return ElapsedDays(before, today)
