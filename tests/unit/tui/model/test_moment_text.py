"""Moments as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.model.moment_text import MomentError, parse_moment

ZONE = ZoneInfo("Europe/Kyiv")
NOW = datetime(2026, 11, 26, 12, 40, 30, tzinfo=ZONE)  # a Thursday


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10:00", "2026-11-26 10:00:00"),
        ("14:00", "2026-11-25 14:00:00"),
        ("12:40:30", "2026-11-26 12:40:30"),
        ("yesterday 14:00", "2026-11-25 14:00:00"),
        ("14:00 yesterday", "2026-11-25 14:00:00"),
        ("Yesterday at 9:05", "2026-11-25 09:05:00"),
        ("yesterday", "2026-11-25 12:40:30"),
        ("today 9:00", "2026-11-26 09:00:00"),
        ("thu 9:30", "2026-11-19 09:30:00"),
        ("last Friday 18:00", "2026-11-20 18:00:00"),
        ("wednesday", "2026-11-25 12:40:30"),
        ("26 nov 11:00", "2026-11-26 11:00:00"),
        ("27 November 18:00", "2025-11-27 18:00:00"),
        ("nov 3 2024, 7:15".replace(",", ""), "2024-11-03 07:15:00"),
        ("2026-10-25 08:00", "2026-10-25 08:00:00"),
        ("2026-10-25T08:00:01", "2026-10-25 08:00:01"),
        ("2 hours ago", "2026-11-26 10:40:30"),
        ("90 min ago", "2026-11-26 11:10:30"),
        ("1 week ago", "2026-11-19 12:40:30"),
    ],
)
def test_it_is_read_in_the_shops_zone(text: str, moment: str) -> None:
    assert parse_moment(text, NOW) == datetime.fromisoformat(moment).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    "text",
    ["", "noon", "25:00", "14.60", "31 nov", "0 nov", "29 feb 2025", "2026-02-30", "5 moons ago",
     "tomorrow", "26 xyz", "3 marc 99999", "٣:00", "99999999 h ago", "99999 weeks ago"],
)  # fmt: skip
def test_what_cannot_be_read_is_explained(text: str) -> None:
    with pytest.raises(MomentError, match=r"[Ss]ay a (later )?time"):
        parse_moment(text, NOW)


@pytest.mark.parametrize("text", ["today 13:00", "2027-01-01 10:00", "26 nov 23:00"])
def test_what_lies_ahead_is_refused(text: str) -> None:
    with pytest.raises(MomentError, match="lies ahead"):
        parse_moment(text, NOW)


@given(st.text(max_size=30))
def test_any_text_is_read_or_explained(text: str) -> None:
    try:
        assert parse_moment(text, NOW) <= NOW
    except MomentError:
        return


def test_two_hours_ago_are_two_hours_when_clocks_were_changed() -> None:
    now = datetime(2026, 10, 25, 4, 30, tzinfo=ZONE)
    ago = parse_moment("2 hours ago", now)
    assert now.timestamp() - ago.timestamp() == timedelta(hours=2).total_seconds()
