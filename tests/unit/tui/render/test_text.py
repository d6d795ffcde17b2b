"""Texts are measured and cut in cells, whatever characters they hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cached_cell_len, cell_len

from coffeert.printable import printable
from coffeert.tui.render.text import crop, fit, width
from tests.unit.test_printable import ANY, HOSTILE


@given(st.one_of(ANY, HOSTILE), st.integers(0, 60), st.sampled_from(["left", "right", "center"]))
def test_fitted_text_has_exactly_the_cells_asked_for(text: str, cells: int, align: str) -> None:
    fitted = fit(printable(text), cells, "right" if align == "right" else "left")
    assert width(fitted) == cells


@given(st.one_of(ANY, HOSTILE), st.integers(0, 60))
def test_cropped_text_is_never_wider_than_asked_for(text: str, cells: int) -> None:
    assert width(crop(printable(text), cells)) <= cells


@given(st.one_of(ANY, HOSTILE))
def test_characters_add_up_so_that_cutting_between_any_two_is_safe(text: str) -> None:
    safe = printable(text)
    assert width(safe) == sum(cell_len(char) for char in safe)


def test_drawings_have_the_width_that_the_terminal_gives_them() -> None:
    for char in map(chr, range(0x20, 0x30000)):
        if char.isprintable():
            assert width(char) == cell_len(char), f"U+{ord(char):04X}"


def test_figures_and_curves_pass_by_the_cache_of_widths() -> None:
    before = cached_cell_len.cache_info().misses
    for number in range(5_000):
        assert width(f"{number:,}.50 ▲ {number % 97}%") > 5
        assert width("⣀⡠⠒▇█░·─┤●…"[number % 11 :] + f" {number}") > 2
    assert cached_cell_len.cache_info().misses == before
