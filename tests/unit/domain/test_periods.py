"""Periods by name, what they are compared with, and how both are called."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from coffeert.domain.comparisons import Comparison, check_comparison, compared_days
from coffeert.domain.period_titles import compared_title, span_title, usual_title
from coffeert.domain.periods import DateSpan, elapsed_days, parse_period
from tests.calendars import calendar

TODAY = date(2026, 11, 26)
"""A Thursday."""


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("today", "Thursday, 26 November"),
        ("yesterday", "Wednesday, 25 November"),
        ("7-days", "20 to 26 November"),
        ("28-days", "30 October to 26 November"),
        ("week", "23 to 29 November"),
        ("last-week", "16 to 22 November"),
        ("month", "November"),
        ("2025-12", "December 2025"),
        ("2025-11-27", "Thursday, 27 November 2025"),
        ("2025-12-30..2026-01-02", "30 December 2025 to 2 January"),
        ("2026-11-01..2026-11-01", "Sunday, 1 November"),
    ],
)
def test_a_period_has_a_title_in_words(text: str, title: str) -> None:
    period = parse_period(text)
    assert span_title(period.span(TODAY), period.unit, TODAY) == title


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-13", "2026-1", "2026-02-30", "2026-11-02..2026-11-01", "2026-11-01..",
     "1999-12-31", "2100-01-01", "2020-01-01..2026-01-01", "٢٠٢٦-11-01", "20261126", "2026-W48"],
)  # fmt: skip
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        parse_period(text)


def test_weeks_start_on_the_day_that_is_set() -> None:
    assert parse_period("week").span(TODAY, 7) == (date(2026, 11, 22), date(2026, 11, 28))
    assert parse_period("week").span(date(2026, 11, 22), 7).first == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "comparison", "today", "first", "last", "title"),
    [
        ("today", "last-week", TODAY, date(2026, 11, 19), date(2026, 11, 19), "last Thursday"),
        ("today", "yesterday", TODAY, date(2026, 11, 25), date(2026, 11, 25), "yesterday"),
        ("today", "last-year", TODAY, date(2025, 11, 27), date(2025, 11, 27),
         "Thursday, 27 November 2025"),
        ("week", "last-week", TODAY, date(2026, 11, 16), date(2026, 11, 19), "last week to Thursday"),
        ("month", "before", TODAY, date(2026, 10, 1), date(2026, 10, 26), "1 to 26 October"),
        ("2026-10", "before", TODAY, date(2026, 9, 1), date(2026, 9, 30), "September"),
        ("2026-02", "last-year", TODAY, date(2025, 2, 1), date(2025, 2, 28), "February 2025"),
        # March has a 31st, February has none: all of February.
        ("month", "before", date(2026, 3, 31), date(2026, 2, 1), date(2026, 2, 28), "1 to 28 February"),
        ("2026-11-01..2026-11-10", "before", TODAY, date(2026, 10, 22), date(2026, 10, 31),
         "22 to 31 October"),
        ("2026-12-25", "last-year", date(2027, 1, 1), date(2025, 12, 25), date(2025, 12, 25),
         "Thursday, 25 December 2025"),
    ],
)  # fmt: skip
def test_the_days_that_a_period_is_compared_with(
    text: str, comparison: Comparison, today: date, first: date, last: date, title: str
) -> None:
    period = parse_period(text)
    span = period.span(today)
    now = elapsed_days(span, today)
    then = compared_days(period, comparison, span, now, {date(2026, 12, 25)})
    days = sorted(then.dates())
    assert (days[0], days[-1]) == (first, last)
    assert (
        compared_title(comparison, period.unit, span, DateSpan(days[0], days[-1]), today) == title
    )


@pytest.mark.parametrize(
    ("text", "comparison"),
    [("7-days", "yesterday"), ("month", "last-week"), ("28-days", "usual"), ("2026-02", "usual")],
)
def test_a_comparison_that_makes_no_sense_is_refused(text: str, comparison: Comparison) -> None:
    period = parse_period(text)
    with pytest.raises(ValueError, match="can be"):
        check_comparison(period, comparison, period.span(TODAY).days)


def test_the_usual_day_says_of_how_many_it_is_the_mean() -> None:
    assert usual_title(DateSpan(TODAY, TODAY), 4) == "the usual Thursday (mean of 4)"


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("date", "wall", "until"),
    [
        ("2026-10-24", 2.5, "2026-10-24 00:30"),
        ("2026-10-25", 1.5, "2026-10-24 23:30"),
        ("2026-10-25", 2.5, "2026-10-25 01:30"),  # the second time
        ("2026-10-25", 3.5, "2026-10-25 02:30"),
        ("2026-03-29", 2.5, "2026-03-29 01:00"),  # skipped
        ("2026-03-29", 3.5, "2026-03-29 01:30"),
        ("2026-10-24", 0, "2026-10-23 22:00"),
        ("2026-10-24", 24, "2026-10-24 22:00"),
        ("2026-10-24", 25, "2026-10-24 22:00"),  # not beyond the day
    ],
)
def test_by_now_ends_where_the_wall_clock_shows_it_for_the_last_time(
    date: str, wall: float, until: str
) -> None:
    found = calendar("Europe/Berlin").day_until(unix(date), int(wall * 3600))
    assert f"{datetime.fromtimestamp(found, UTC):%Y-%m-%d %H:%M}" == until
