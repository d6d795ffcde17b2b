"""Columns, names, prices and times of files from elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from coffeert.domain.orders import Draft
from coffeert.errors import ConfigError
from coffeert.inject.column_mapping import (
    ColumnMapping,
    check_columns,
    column_mapping_for,
    parse_mapping,
)
from coffeert.inject.rows import FileRow
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore

KYIV = ZoneInfo("Europe/Kyiv")
MENU = MenuBody(
    (MenuStore("uptown", "Uptown"),),
    (MenuDrink("fw", "Flat White", "4.70"), MenuDrink("tea", "fw", "2.90")),
)


def mapping(
    columns: str = "", store: str | None = "uptown", zone: ZoneInfo | None = KYIV
) -> ColumnMapping:
    return column_mapping_for(MENU, parse_mapping(columns), store, zone)


def draft(values: dict[str, str], read: ColumnMapping | None = None) -> Draft:
    return (read or mapping()).read(FileRow(2, values)).draft


def test_a_point_of_sale_export() -> None:
    read = mapping("placed_at=datetime,drink=coffee_name,price=money", "Vending Machine")
    row = {
        "date": "2024-03-01",
        "datetime": "2024-03-01 10:15:50.520",
        "money": "38.7",
        "coffee_name": "Hot Chocolate",
    }
    order = read.read(FileRow(2, row))
    assert order.draft == Draft(
        "vending-machine",
        "hot-chocolate",
        1,
        3870,
        datetime(2024, 3, 1, 8, 15, 50, 520_000, tzinfo=UTC),
    )
    assert (order.store_name, order.drink_name) == ("Vending Machine", "Hot Chocolate")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fw", "fw"),
        ("Flat White", "fw"),
        ("FLAT white", "fw"),
        ("tea", "tea"),
        ("Iced Tea", "iced-tea"),
    ],
)
def test_a_drink_is_found_by_code_then_by_name_then_named(name: str, code: str) -> None:
    assert draft({"drink": name}).drink == code


def test_all_fields_by_their_own_names() -> None:
    key = "01a202f9-826f-729a-a26b-86b1da6921f2"
    row = {
        "store": "Uptown",
        "drink": "tea",
        "quantity": "3",
        "price": "2",
        "placed_at": "2026-01-31T22:00:00Z",
        "order_id": key,
        "received_at": "ignored",
    }
    assert draft(row, mapping(store=None, zone=None)) == Draft(
        "uptown", "tea", 3, 200, datetime(2026, 1, 31, 22, tzinfo=UTC), UUID(key)
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "drink is empty"),
        ({"drink": "\u202e"}, "the drink has no name"),
        ({"drink": "tea", "quantity": "0.5"}, "the quantity must be a whole number"),
        ({"drink": "tea", "quantity": "0"}, "the quantity is not"),
        ({"drink": "tea", "quantity": "10000"}, "the quantity is not"),
        ({"drink": "tea", "quantity": "٣"}, "the quantity must be"),
        ({"drink": "tea", "quantity": "-1", "voids": "x"}, "it is the correction"),
        ({"drink": "tea", "price": "4.505"}, "the price must have"),
        ({"drink": "tea", "price": "$4"}, "the price must be"),
        ({"drink": "tea", "placed_at": "yesterday"}, "the time is not like"),
        ({"drink": "tea", "order_id": "a b"}, "the order_id must be"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(values: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}"):
        draft(values)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2024-03-31 02:59:59", "2024-03-31T00:59:59"),
        ("2024-03-31 03:30:00", "2024-03-31T01:30:00"),  # skipped: read with the offset from before
        ("2024-03-31 04:00:00", "2024-03-31T01:00:00"),
        ("2024-10-27 03:30:00", "2024-10-27T00:30:00"),  # occurs twice: the earlier one
        ("2024-10-27 04:00:00", "2024-10-27T02:00:00"),
        ("2024-10-27 03:30:00+02:00", "2024-10-27T01:30:00"),  # its own offset decides
    ],
)
def test_the_clock_s_changes_are_read_in_one_way(local: str, utc: str) -> None:
    placed_at = draft({"drink": "tea", "placed_at": local}).placed_at
    assert placed_at is not None
    assert placed_at.astimezone(UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_time_without_any_zone_is_one_sentence_and_not_a_bad_row() -> None:
    with pytest.raises(ConfigError, match=r"^The times in when have no offset.*--timezone"):
        draft({"drink": "tea", "when": "2024-03-31 02:00"}, mapping("placed_at=when", zone=None))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("drink", "field=column"),
        ("drink=", "field=column"),
        ("name=coffee", "no field 'name'"),
        ("drink=a,drink=b", "drink twice"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_mapping(text)


def test_a_mapping_may_have_spaces() -> None:
    assert parse_mapping(" drink = coffee name , price=money") == {
        "drink": "coffee name",
        "price": "money",
    }
    assert parse_mapping("") == {}


def test_columns_that_are_not_there_are_one_sentence() -> None:
    with pytest.raises(ConfigError, match="--map names 'coffee', but the file has a, drink"):
        check_columns(["a", "drink"], {"price": "coffee"}, store_given=True)
    with pytest.raises(ConfigError, match=r"no 'store' and 'drink' among a;.*--store"):
        check_columns(["a"], {}, store_given=False)
    with pytest.raises(ConfigError, match="no 'drink' among a;"):
        check_columns(["a"], {}, store_given=True)
    check_columns(["a", "drink"], {"store": "a"}, store_given=False)
