"""Sentences on a narrow terminal."""

from __future__ import annotations

from coffeert.cli.wrapped_lines import wrapped


def test_lines_break_between_words_under_their_beginning() -> None:
    line = "  Columns used: date from `Date`, time from `Time of day`."
    assert wrapped(line, 40) == "  Columns used: date from `Date`, time\n  from `Time of day`."


def test_columns_stay_apart_and_short_lines_whole() -> None:
    assert wrapped("  latte   4.80", 40) == "  latte   4.80"
    assert wrapped("", 40) == ""
