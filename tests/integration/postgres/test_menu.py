"""The menu's tables, and the command that changes them."""

from __future__ import annotations

import asyncio

import pytest

from coffeert.cli import cli, run
from coffeert.domain.menu import Drink, Menu, Store
from coffeert.errors import Invalid, NotFound
from coffeert.postgres.menu import (
    add_drink,
    add_store,
    listen_menu,
    load_menu,
    retire_drink,
    retire_store,
)
from coffeert.postgres.pool import Connection, connect
from tests.waiting import eventually


async def test_the_seeded_menu_is_in_the_order_of_addition(connection: Connection) -> None:
    menu = await load_menu(connection)
    assert [store.code for store in menu.stores] == ["uptown", "downtown", "central", "southend"]
    assert menu.list_price("cappuccino") == 450
    assert {drink.code for drink in menu.drinks} >= {"americano", "flat-white", "tea"}


async def test_a_retired_store_stays_listed_and_can_come_back(connection: Connection) -> None:
    await retire_store(connection, "central")
    menu = await load_menu(connection)
    assert not menu.sells_at("central")
    assert Store("central", "Central", active=False) in menu.stores
    await add_store(connection, Store("central", "Central Station"))
    menu = await load_menu(connection)
    assert menu.sells_at("central")
    assert menu.stores[2] == Store("central", "Central Station")


async def test_adding_a_drink_again_changes_its_price(connection: Connection) -> None:
    await add_drink(connection, Drink("chai", "Chai", 390))
    await retire_drink(connection, "chai")
    await add_drink(connection, Drink("chai", "Chai", 410))
    menu = await load_menu(connection)
    assert menu.list_price("chai") == 410
    assert menu.drinks[-1] == Drink("chai", "Chai", 410)


async def test_what_cannot_be_used_is_refused(connection: Connection) -> None:
    before = await load_menu(connection)
    for store in (Store("a b", "A"), Store("a\x1b[31m", "A"), Store("a", "\u202e"), Store("", "")):
        with pytest.raises(Invalid):
            await add_store(connection, store)
    for price in (-1, 100_000_001):
        with pytest.raises(Invalid):
            await add_drink(connection, Drink("chai", "Chai", price))
    with pytest.raises(NotFound, match="no drink 'nothing'"):
        await retire_drink(connection, "nothing")
    assert await load_menu(connection) == before


async def test_a_listener_is_called_for_each_change(
    connection: Connection, other: Connection
) -> None:
    heard: list[Menu | None] = []
    await listen_menu(other, lambda: heard.append(None))
    await add_store(connection, Store("north", "North"))
    await eventually(lambda: len(heard) == 1)
    await retire_drink(connection, "tea")
    await eventually(lambda: len(heard) == 2)


@pytest.fixture
def command_line(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COFFEERT_DATABASE_URL", database_url)
    return database_url


def test_the_command_adds_lists_and_retires(
    command_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, ["menu", "add", "store", "airport"]) == 0
    assert run(cli, ["menu", "add", "drink", "matcha", "--price", "5.20", "--name", "抹茶"]) == 0
    assert run(cli, ["menu", "retire", "drink", "tea"]) == 0
    capsys.readouterr()
    assert run(cli, ["menu", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["airport", "Airport", "00:00", "UTC", "(default)"] in [line.split() for line in lines]
    assert ["matcha", "抹茶", "5.20"] in [line.split() for line in lines]
    assert ["tea", "Tea", "2.90", "retired"] in [line.split() for line in lines]


def test_the_command_answers_mistakes_with_one_sentence(
    command_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, ["menu", "retire", "store", "nowhere"]) == 1
    assert capsys.readouterr().err == "coffeert: The menu has no store 'nowhere'.\n"
    assert run(cli, ["menu", "add", "drink", "chai", "--price", "1.234"]) == 2
    assert "at most 2 decimal places" in capsys.readouterr().err
    assert run(cli, ["menu", "add", "store", "a\x07b"]) == 1
    assert capsys.readouterr().err.isascii()


def test_the_list_emits_no_control_sequence(
    command_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def plant() -> None:
        connection = await connect(command_line, application_name="test")
        await connection.execute("UPDATE menu_store SET name = E'\\x1b]0;owned\\x07'")
        await connection.close()

    asyncio.run(plant())
    assert run(cli, ["menu", "list"]) == 0
    listed = capsys.readouterr().out
    assert "owned" in listed
    assert all(character.isprintable() for character in listed.replace("\n", ""))
