"""Names of a file on the menu: found, told to be several, or new."""

from __future__ import annotations

import pytest

from coffeert.domain.menu import MAX_CODE_LENGTH, MAX_NAME_LENGTH, Drink, Menu, Store
from coffeert.errors import ImportRefused
from coffeert.importer.load.menu_names import MAX_NEW_ENTRIES, MenuNames

MENU = Menu(
    (Store("uptown", "Uptown"), Store("old", "Harbour", active=False), Store("new", "harbour")),
    (
        Drink("flat-white", "Flat White", 470),
        Drink("chai", "Tea", 410),
        Drink("tea", "Green Tea", 290),
        Drink("mocha", "Mocha", 520, active=False),
        Drink("house-1", "House Blend", 300),
        Drink("house-2", "House  blend", 320),
    ),
)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("flat-white", "flat-white"),
        ("FLAT WHITE", "flat-white"),
        ("Flat\u00a0 White", "flat-white"),
        ("Ｆlat White", "flat-white"),
        ("Tea", "tea"),
        ("green tea", "tea"),
        ("Mocha", "mocha"),
        ("House-1", "house-1"),
    ],
)
def test_by_code_or_by_name(name: str, code: str) -> None:
    names = MenuNames(MENU)
    assert names.drink_code(name) == code
    assert names.new_drinks({code: 1}) == []


def test_an_active_entry_comes_before_a_retired_one() -> None:
    names = MenuNames(MENU)
    assert names.store_code("Harbour") == "new"
    assert names.retired(["new"], "store") == []
    assert names.retired([names.drink_code("mocha")], "drink") == ["Mocha"]


def test_the_name_of_several_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="is the name of several: 'house-1' or 'house-2'"):
        MenuNames(MENU).drink_code("house blend")


@pytest.mark.parametrize("name", ["", "  ", "\u200b"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        MenuNames(MENU).store_code(name)


def test_new_entries_are_those_that_rows_use() -> None:
    names = MenuNames(MENU)
    assert names.drink_code("Hot  Chocolate") == names.drink_code("hot chocolate")
    names.drink_code("Of a rejected row")
    assert names.new_drinks({"hot-chocolate": 390}) == [
        Drink("hot-chocolate", "Hot Chocolate", 390)
    ]


def test_a_new_drink_needs_a_price() -> None:
    names = MenuNames(MENU)
    names.drink_code("Cocoa")
    with pytest.raises(ImportRefused, match=r"no price for 'Cocoa'.*menu add drink cocoa --price"):
        names.new_drinks({"cocoa": None})


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = MenuNames(MENU)
    codes = [names.drink_code("A very long name of a drink " * 9 + end) for end in ("oat", "soy")]
    assert len(set(codes)) == 2
    assert all(len(code) <= MAX_CODE_LENGTH for code in codes)
    assert all(
        len(drink.name) <= MAX_NAME_LENGTH for drink in names.new_drinks(dict.fromkeys(codes, 1))
    )


def test_too_many_new_names_are_a_wrong_column() -> None:
    names = MenuNames(MENU)
    for number in range(MAX_NEW_ENTRIES):
        names.drink_code(f"Drink {number}")
    with pytest.raises(ImportRefused, match=r"more than 200 stores and drinks.*right column"):
        names.store_code("One more")
