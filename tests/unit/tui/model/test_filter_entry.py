"""A filter while it is typed: what it limits so far, what is said of the rest, and what may be meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.filter_entry import Vocabulary, read_entry, suggestions
from coffeert.tui.model.suggestions import MenuItem, best_matches, named_by

STORES = (
    MenuItem("uptown", "Uptown"),
    MenuItem("downtown", "Downtown"),
    MenuItem("s-1", "Harbour"),
    MenuItem("s-17", "Station"),
)
DRINKS = (
    MenuItem("latte", "Latte"),
    MenuItem("oat-latte", "Oat Latte"),
    MenuItem("flat-white", "Flat White"),
    MenuItem("拿铁", "拿铁"),
    MenuItem("tea", "Green Tea"),
)
WORDS = Vocabulary(STORES, DRINKS)


@pytest.mark.parametrize(
    ("typed", "limits", "notes"),
    [
        ("store:up", "store:up", []),
        ("store:up dri", "store:up", ["No store or drink is called dri."]),
        ("zzz", "", ["No store or drink is called zzz."]),
        ("store:zzz -tea", "-tea", ["No store is called zzz."]),
        ("store:", "", ["store: needs a value, such as store:uptown."]),
        ("price>", "", ["price needs an amount such as 4.50."]),
        ("size:big up", "up", ["size: is no field; use store:, drink:, price> or a plain word."]),
        ("store:up,zzz", "store:up", ["No store is called zzz."]),
        ("harbour", "store:=s-1", []),
        ("store:=s-1", "store:=s-1", []),
        ("store:=up", "", ["No store is called up."]),
        ("-harbour", "-store:=s-1", []),
        ("price>4.5 latte", "price>4.50 latte", []),
    ],
)
def test_what_is_not_known_limits_nothing_and_is_explained(
    typed: str, limits: str, notes: list[str]
) -> None:
    entry = read_entry(typed, WORDS)
    assert entry.wanted.text() == limits
    assert list(entry.notes) == notes


def test_an_exact_code_reads_back() -> None:
    wanted = parse_filter("store:=s-1")
    assert wanted.text() == "store:=s-1"
    assert wanted.matches_store("s-1", ["tea"])
    assert not wanted.matches_store("s-17", ["tea"])


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("st", "store:"),
        ("store:up", "store:uptown "),
        ("-store:up", "-store:uptown "),
        ("store:up drink:flt", "store:up drink:flat-white "),
        ("store:uptown,dwn", "store:uptown,downtown "),
        ("harbor", "store:=s-1 "),
        ("latee", "drink:=latte "),
        ("拿", "drink:拿铁 "),
    ],
)
def test_the_likeliest_meaning_is_offered_first(typed: str, first: str) -> None:
    assert suggestions(typed, len(typed), WORDS)[0].text == first


def test_a_suggestion_replaces_the_word_at_the_cursor_only() -> None:
    offered = suggestions("sto tea", 3, WORDS)[0]
    assert (offered.text, offered.cursor) == ("store: tea", 6)


def test_nothing_is_offered_for_what_is_finished() -> None:
    assert suggestions("store:uptown", 12, WORDS) == []


@given(st.text(max_size=40), st.integers(0, 40))
def test_whatever_is_typed_is_read(typed: str, cursor: int) -> None:
    entry = read_entry(typed, WORDS)
    assert parse_filter(entry.wanted.text()).text() == entry.wanted.text()
    for offered in suggestions(typed, min(cursor, len(typed)), WORDS):
        assert 0 <= offered.cursor <= len(offered.text)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("flt wht", ["Flat White"]),
        ("dwn", ["Downtown"]),
        ("latte", ["Latte", "Oat Latte"]),
        ("u", ["Uptown"]),
        ("qx", []),
    ],
)
def test_names_are_found_by_a_part_of_them(typed: str, names: list[str]) -> None:
    found = [item.name for item in best_matches(typed, STORES + DRINKS)]
    assert found[: len(names)] == names
    assert bool(found) == bool(names)


def test_a_code_goes_before_a_name() -> None:
    items = (MenuItem("tea", "Latte"), MenuItem("latte", "Tea"))
    assert named_by(" TEA ", items) == [items[0]]
    assert named_by("green  tea", DRINKS) == [DRINKS[-1]]
