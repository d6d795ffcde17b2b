"""The currency, which cannot change what stored amounts mean."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from coffeert.cli import cli, run
from coffeert.domain.currency import CURRENCIES
from coffeert.errors import Invalid
from coffeert.postgres.installation import load_currency, set_currency
from coffeert.postgres.menu import listen_menu
from coffeert.postgres.pool import Connection, close, connect
from tests.order_book import insert, order
from tests.waiting import eventually


async def test_sql_and_python_know_the_same_places(connection: Connection) -> None:
    rows = await connection.fetch(
        "SELECT code, currency_places(code) FROM unnest($1::text[]) AS code", list(CURRENCIES)
    )
    assert dict(map(tuple, rows)) == CURRENCIES
    assert await connection.fetchval("SELECT currency_places(NULL)") == 2


async def test_before_the_first_order_any_currency_can_follow_any(connection: Connection) -> None:
    assert await load_currency(connection) is None
    for code in ("JPY", "KWD", "EUR"):
        await set_currency(connection, code)
        assert await load_currency(connection) == code
    await connection.execute("UPDATE installation SET currency = NULL")
    assert await load_currency(connection) is None


async def test_once_there_is_an_order_it_can_be_named_but_not_changed(
    connection: Connection,
) -> None:
    await insert(connection, order())
    for code in ("JPY", "KWD", "CLF"):
        with pytest.raises(Invalid, match=f"^The currency cannot be {code}, whose amounts have"):
            await set_currency(connection, code)
    await set_currency(connection, "EUR")
    await set_currency(connection, "EUR")
    with pytest.raises(Invalid, match=r"^The currency stays EUR, since there are orders in it\.$"):
        await set_currency(connection, "USD")
    with pytest.raises(asyncpg.RestrictViolationError, match="stays EUR"):
        await connection.execute("UPDATE installation SET currency = NULL")
    assert await load_currency(connection) == "EUR"


async def test_an_order_that_is_being_stored_counts(
    connection: Connection, other: Connection
) -> None:
    async with other.transaction():
        await insert(other, order())
        change = asyncio.create_task(set_currency(connection, "JPY"))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not await other.fetchval(waiting):
            assert not change.done()
    with pytest.raises(Invalid, match="cannot be JPY"):
        await change


@pytest.mark.parametrize("value", ["eur", "EURO", ""])
async def test_the_table_takes_codes_only(connection: Connection, value: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("UPDATE installation SET currency = $1", value)


@pytest.mark.parametrize("statement", ["DELETE FROM installation", "TRUNCATE installation"])
async def test_the_row_stays(connection: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="cannot be removed"):
        await connection.execute(statement)


async def test_setting_it_is_announced(connection: Connection, other: Connection) -> None:
    heard: list[None] = []
    await listen_menu(other, lambda: heard.append(None))
    await set_currency(connection, "EUR")
    await eventually(lambda: len(heard) == 1)


def test_the_command_sets_and_shows_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def place() -> None:
        connection = await connect(database_url, application_name="test")
        await insert(connection, order())
        await close(connection)

    monkeypatch.setenv("COFFEERT_DATABASE_URL", database_url)
    assert run(cli, ["menu", "currency", "jpy"]) == 0
    assert capsys.readouterr().out == (
        "Prices are in JPY, with no decimal places.\n"
        "Look at `coffeert menu list`: prices set before mean something else now.\n"
    )
    assert run(cli, ["menu", "currency", "eur"]) == 0
    assert capsys.readouterr().out == "Prices are in EUR, with 2 decimal places.\n"
    assert run(cli, ["menu", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["DRINK", "NAME", "PRICE", "EUR"] in [line.split() for line in lines]
    asyncio.run(place())
    assert run(cli, ["menu", "currency", "USD"]) == 1
    assert capsys.readouterr().err == (
        "coffeert: The currency stays EUR, since there are orders in it.\n"
    )
    assert run(cli, ["menu", "currency", "gold"]) == 1
    assert "'GOLD' is not a currency of ISO 4217, such as EUR." in capsys.readouterr().err
