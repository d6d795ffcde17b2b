"""Orders from rows: by code or name, and one reason for what is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from coffeert.domain.order_keys import order_id_from_key
from coffeert.inject.order_reader import order_reader
from coffeert.inject.rows import FileRow
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore

MENU = MenuBody(
    (MenuStore("uptown", "Uptown"), MenuStore("kiosk", "uptown")),
    (MenuDrink("flat-white", "Flat White", "4.70"),),
)
ROW = {"store": "Uptown", "drink": "FLAT white"}


def test_codes_and_names_of_the_menu() -> None:
    read = order_reader(MENU).read(
        FileRow(1, ROW | {"price": "4.70", "placed_at": "2026-03-01T14:00:00+02:00"})
    )
    assert (read.drink, read.quantity, read.price_cents) == ("flat-white", 1, 470)
    assert read.placed_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert order_reader(MENU).read(FileRow(1, ROW | {"store": "uptown"})).store == "uptown"
    assert order_reader(MENU).read(FileRow(1, ROW | {"drink": "gruel"})).drink == "gruel"


def test_a_void_names_the_order_by_its_id_or_by_the_clients_own_key() -> None:
    reader = order_reader(MENU)
    by_key = reader.read_void(FileRow(1, {"void": "A-17"}))
    assert (by_key.key, by_key.order_id) == ("A-17", order_id_from_key("A-17"))
    by_id = reader.read_void(FileRow(1, {"void": str(by_key.order_id)}))
    assert (by_id.key, by_id.order_id) == (None, by_key.order_id)
    with pytest.raises(ValueError, match="and nothing else"):
        reader.read_void(FileRow(1, {"void": "A-17", "store": "uptown"}))
    with pytest.raises(ValueError, match=r"^the void must be"):
        reader.read_void(FileRow(1, {"void": "a b"}))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"store": ""}, "store is empty"),
        ({"quantity": "0"}, "the quantity is not"),
        ({"quantity": "many"}, "the quantity must be"),
        ({"price": "cheap"}, "the price must be"),
        ({"placed_at": "yesterday"}, "the time is not like"),
        ({"placed_at": "2026-03-01T12:00:00"}, "the time has no offset"),
        ({"order_id": "a b"}, "the order_id must be"),
        ({"voids": "x"}, "it is the correction"),
    ],
)
def test_what_is_no_order_has_a_reason(values: dict[str, str], reason: str) -> None:
    row = FileRow(1, {name: value for name, value in (ROW | values).items() if value})
    with pytest.raises(ValueError, match=f"^{reason}"):
        order_reader(MENU).read(row)
