"""What a menu sells, and which codes and names it may hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.menu import (
    MAX_CODE_LENGTH,
    MAX_NAME_LENGTH,
    Drink,
    Menu,
    Store,
    check_code,
    check_name,
    code_from_name,
)
from coffeert.errors import Invalid

MENU = Menu(
    (Store("uptown", "Uptown"), Store("closed", "Closed", active=False)),
    (Drink("latte", "Latte", 480), Drink("chai", "Chai", 390, active=False), Drink("tap", "T", 0)),
)
CONTROLS = ["\0", "\x1b[31m", "\x7f", "\x85", "\u202e", "\u200b", "\u2028", "\ufeff", "\ud800"]


def test_only_what_is_active_is_sold() -> None:
    assert MENU.sells_at("uptown")
    assert not MENU.sells_at("closed")
    assert not MENU.sells_at("nowhere")
    assert MENU.list_price("latte") == 480
    assert MENU.list_price("tap") == 0
    assert MENU.list_price("chai") is None
    assert MENU.list_price("mystery") is None


def test_menus_are_equal_by_what_they_hold() -> None:
    same = Menu(MENU.stores, MENU.drinks)
    assert same == MENU
    assert hash(same) == hash(MENU)
    assert Menu(MENU.stores, ()) != MENU
    assert MENU.stores != MENU


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Hot Chocolate", "hot-chocolate"),
        ("  Flat   White ", "flat-white"),
        ("ESPRESSO", "espresso"),
        ("Café crème", "café-crème"),
        ("Straße", "strasse"),
        ("Iced Latte - Large", "iced-latte-large"),
        ("tab\there\u202e", "tab-here"),
        ("ｗｉｄｅ", "wide"),
    ],
)
def test_a_code_is_made_of_a_name(name: str, code: str) -> None:
    assert code_from_name(name) == code


@given(st.text(st.characters(), max_size=120))
def test_a_code_made_of_any_name_is_a_code(name: str) -> None:
    try:
        code = code_from_name(name)
    except Invalid:
        return
    check_code(code)
    assert 1 <= len(code) <= MAX_CODE_LENGTH
    assert code.isprintable()
    assert not any(c.isspace() for c in code)


@pytest.mark.parametrize(
    "code", ["", " ", "a b", "a\u00a0b", "x" * (MAX_CODE_LENGTH + 1), *CONTROLS]
)
def test_a_code_that_could_harm_is_refused(code: str) -> None:
    with pytest.raises(Invalid) as error:
        check_code(code)
    assert [fault.field for fault in error.value.errors] == ["code"]


@pytest.mark.parametrize("code", ["a", "flat-white", "кава", "x" * MAX_CODE_LENGTH, "1:/%'\"<b>"])
def test_other_codes_are_taken(code: str) -> None:
    check_code(code)


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * (MAX_NAME_LENGTH + 1), *(f"a{c}b" for c in CONTROLS)]
)
def test_a_name_that_could_harm_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as error:
        check_name(name)
    assert [fault.field for fault in error.value.errors] == ["name"]


@pytest.mark.parametrize("name", ["A", "Flat White", "Кава з молоком", "x" * MAX_NAME_LENGTH])
def test_other_names_are_taken(name: str) -> None:
    check_name(name)
