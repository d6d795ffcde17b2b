"""Periods in words, such as "Thursday, 26 November" or "last Thursday by 12:40"."""

from __future__ import annotations

from datetime import date
from typing import Final

from coffeert.domain.comparisons import Comparison
from coffeert.domain.periods import DateSpan, Unit

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


def day_text(day: date, today: date) -> str:
    """Write a date without its weekday: `26 November`, with the year unless it is today's."""
    return f"{day.day} {MONTHS[day.month - 1]}" + _year(day, today)


def weekday_text(day: date) -> str:
    """Return the name of a date's weekday."""
    return WEEKDAYS[day.weekday()]


def span_title(span: DateSpan, unit: Unit, today: date) -> str:
    """Name the dates of a period."""
    first, last = span
    if span.days == 1:
        return f"{weekday_text(first)}, {day_text(first, today)}"
    if unit == "month":
        return MONTHS[first.month - 1] + _year(first, today)
    if first.month == last.month and first.year == last.year:
        return f"{first.day} to {day_text(last, today)}"
    return f"{day_text(first, last)} to {day_text(last, today)}"


def compared_title(
    comparison: Comparison,
    unit: Unit,
    now: DateSpan,
    then: DateSpan,
    today: date,
    *,
    mark: str = "",
) -> str:
    """Name the dates that a period is compared with; `mark` is what a single one is marked as."""
    single = then.days == 1
    days_ago = (today - now.last).days
    if comparison == "last-week" and single and days_ago == 0:
        title = f"last {weekday_text(then.first)}"
    elif comparison == "last-week" and single and days_ago == 1:
        title = f"the {weekday_text(then.first)} before"
    elif single and (today - then.first).days == 1:
        title = "yesterday"
    elif (
        unit == "week" and comparison in ("before", "last-week") and now.first <= today <= now.last
    ):
        title = "last week" + ("" if then.days == 7 else f" to {weekday_text(then.last)}")
    elif unit == "month" and now.last >= today and not single:
        title = f"1 to {day_text(then.last, today)}"
    else:
        title = span_title(then, unit, today)
    return f"{title} ({mark})" if mark else title


def usual_title(now: DateSpan, days: int) -> str:
    """Name the usual period that some days are compared with, and of how many days it is the mean."""
    if now.days == 1:
        return f"the usual {weekday_text(now.first)} (mean of {days})"
    return f"the usual {now.days} days (means of {days})"


def _year(day: date, today: date) -> str:
    return "" if day.year == today.year else f" {day.year}"
