"""The stores and drinks that a file names and the menu lacks."""

from __future__ import annotations

import io

import pytest

from coffeert.domain.menu import Drink, Store
from coffeert.errors import ConfigError
from coffeert.inject.column_mapping import column_mapping_for
from coffeert.inject.missing_menu_items import (
    MAX_MISSING_ITEMS,
    MissingMenuItems,
    missing_menu_items,
)
from coffeert.inject.rows import Rows
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore

MENU = MenuBody((MenuStore("uptown", "Uptown"),), (MenuDrink("tea", "Tea", "2.90"),))
MAPPING = column_mapping_for(MENU, {}, None, None)


def found(text: str) -> MissingMenuItems:
    return missing_menu_items(Rows(io.BytesIO(text.encode())), MAPPING, {"uptown"}, {"tea"})


def test_names_and_first_prices() -> None:
    missing = found(
        "store,drink,price\n"
        "Uptown,Tea,1\n"
        "Uptown,Hot Chocolate,\n"
        "North End,Hot Chocolate,5.50\n"
        "North End,hot  chocolate,6\n"
        "North End,,6\n"
    )
    assert missing == MissingMenuItems(
        (Store("north-end", "North End"),), (Drink("hot-chocolate", "Hot Chocolate", 550),)
    )
    assert missing


def test_nothing_to_add() -> None:
    assert not found("store,drink\nUptown,Tea\nuptown,TEA\n")


def test_a_drink_without_any_price_cannot_be_added() -> None:
    with pytest.raises(ConfigError, match="no price for 'Cocoa'"):
        found("store,drink\nUptown,Cocoa\n")


def test_a_column_mapped_by_mistake_is_noticed() -> None:
    rows = "".join(f"Uptown,card-{number},1\n" for number in range(MAX_MISSING_ITEMS + 1))
    with pytest.raises(ConfigError, match="right column"):
        found("store,drink,price\n" + rows)
