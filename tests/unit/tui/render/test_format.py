"""Figures as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.money import money_text
from coffeert.tui.render.format import (
    ago,
    area,
    bar,
    gauge,
    money,
    short,
    short_money,
    size,
    spark,
    trend,
)
from coffeert.tui.render.glyphs import ASCII, BRAILLE, GLYPHS, glyphs_for
from coffeert.tui.render.text import width


@given(st.integers(-(10**12), 10**12))
def test_money_is_the_decimal_text_with_separators(cents: int) -> None:
    assert money(cents).replace(",", "") == money_text(cents)


@given(st.floats(-1e12, 1e12))
def test_short_numbers_are_short(value: float) -> None:
    assert len(short(value)) <= 7


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (812, "812"),
        (12.44, "12.4"),
        (9999, "9,999"),
        (48_120, "48.1k"),
        (3_200_000, "3.2M"),
    ],
)
def test_short_numbers(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0s"), (0.2, "0.2s"), (14, "14s"), (89, "89s"), (180, "3m"), (7200, "2h"), (4e5, "5d")],
)
def test_ages(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_sizes() -> None:
    assert [size(n) for n in (512, 12_288, 3_500_000)] == ["512 B", "12.0 KiB", "3.3 MiB"]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=80), st.integers(0, 60))
def test_a_sparkline_has_the_cells_asked_for(values: list[float | None], cells: int) -> None:
    for glyphs in GLYPHS.values():
        assert width(spark(values, cells, glyphs)) == cells


def test_a_sparkline_rises_with_its_values_and_leaves_gaps() -> None:
    assert spark([0, 1, None, 4, 8], 5, BRAILLE) == "▁▁ ▄█"
    assert spark([0, 8], 2, ASCII) == "_#"


@given(st.floats(-1, 2), st.integers(1, 40))
def test_bars_and_gauges_fill_their_cells(part: float, cells: int) -> None:
    for glyphs in GLYPHS.values():
        assert width(bar(part, cells, glyphs)) == cells
        assert width(gauge(part, cells, glyphs)) == cells


def test_trends() -> None:
    assert trend(108, 100).text(BRAILLE) == "▲ 8.0%"
    assert trend(50, 100).text(ASCII) == "v 50.0%"
    assert trend(1300, 100).text(BRAILLE) == "▲ x13"
    assert trend(100, 100).direction == "flat"
    assert trend(5, 0).direction == trend(5, None).direction == "unknown"


def test_the_glyphs_follow_what_the_terminal_can_show() -> None:
    assert glyphs_for("utf-8", "xterm-256color") == "braille"
    assert glyphs_for("UTF-8", "linux") == "block"
    assert glyphs_for("ascii", "xterm") == "ascii"
    assert all(
        ord(c) < 128 for name in ("spark", "bar", "corners", "hatch") for c in getattr(ASCII, name)
    )


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=60),
    st.integers(1, 50),
    st.integers(1, 9),
)
def test_an_area_fills_its_lines(values: list[float | None], cells: int, rows: int) -> None:
    for glyphs in GLYPHS.values():
        drawn = area(values, cells, rows, glyphs)
        assert [width(line) for line in drawn] == [cells] * rows


@pytest.mark.parametrize(
    ("places", "text", "short_text"),
    [(0, "1,234,567", "1.2M"), (2, "12,345.67", "12.3k"), (3, "1,234.567", "1,234.567")],
)
def test_money_has_the_places_of_the_currency(places: int, text: str, short_text: str) -> None:
    assert money(1_234_567, places) == text
    assert money(-1_234_567, places) == "-" + text
    assert short_money(1_234_567, places) == short_text
