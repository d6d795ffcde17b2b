"""Nothing that came over the network makes a terminal do anything."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cached_cell_len, cell_len

from coffeert.tui.render.text import clean, crop, fit, width

ANY = st.text(st.characters(exclude_categories=()), max_size=300)
HOSTILE = st.lists(
    st.sampled_from(
        [
            "\x1b[31m",
            "\x1b]0;t\x07",
            "\x9b2J",
            "\u202e",
            "\u2066",
            "[/bold]",
            "\x00",
            "\r",
            "e\u0301\u0301\u0301",
            "\u200d",
            "\ufe0f",
            "漢",
            "🚀",
            "👨\u200d👩\u200d👧",
            "\U000e0041",
            "\ud800",
            "\uffff",
            "a",
        ]
    ),
    max_size=40,
).map("".join)


@settings(max_examples=400)
@given(st.one_of(ANY, HOSTILE))
def test_what_is_left_holds_no_control_of_any_kind(text: str) -> None:
    safe = clean(text)
    assert len(safe) <= 200
    for char in safe:
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert char == " " or char.isprintable()


@given(st.one_of(ANY, HOSTILE))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.one_of(ANY, HOSTILE), st.integers(0, 60), st.sampled_from(["left", "right", "center"]))
def test_fitted_text_has_exactly_the_cells_asked_for(text: str, cells: int, align: str) -> None:
    fitted = fit(clean(text), cells, "right" if align == "right" else "left")
    assert width(fitted) == cells


@given(st.one_of(ANY, HOSTILE), st.integers(0, 60))
def test_cropped_text_is_never_wider_than_asked_for(text: str, cells: int) -> None:
    assert width(crop(clean(text), cells)) <= cells


@given(st.one_of(ANY, HOSTILE))
def test_characters_add_up_so_that_cutting_between_any_two_is_safe(text: str) -> None:
    safe = clean(text)
    assert width(safe) == sum(cell_len(char) for char in safe)


def test_keeps_what_people_write() -> None:
    for name in ("Café Crème", "抹茶ラテ", "קפה", "दूध वाली कॉफ़ी", "🍵 tea"):
        assert clean(name) == unicodedata.normalize("NFC", name)


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
