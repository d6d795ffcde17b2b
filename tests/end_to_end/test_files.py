"""A point-of-sale export: loaded once whatever happens, with the figures of any day."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from coffeert.domain.money import money_text
from tests.end_to_end.ledger import Ledger
from tests.end_to_end.processes import Shell

AT = "2024-07-31T22:00:00+03:00"
DRINKS = ("Latte", "Americano with Milk", "Cortado", "Hot Chocolate")


def _export(rows: int = 300) -> str:
    """Write what a vending machine exports: local times, card numbers, prices with a point."""
    began = datetime(2024, 7, 20, 10, 15, 50, 520000)  # noqa: DTZ001 (as it exports them)
    lines = ["date,datetime,cash_type,card,money,coffee_name"]
    for row in range(rows):
        moment = began + timedelta(minutes=67 * row)
        card = f"ANON-0000-0000-{row % 9:04}"
        price = f"{28 + row % 11}.{row % 4 * 25:02}"
        drink = DRINKS[row % 4]
        lines.append(f"{moment:%Y-%m-%d},{moment:%Y-%m-%d %H:%M:%S.%f},card,{card},{price},{drink}")
    # Two people may buy the same at the same moment: equal rows are two orders.
    lines.append(lines[-1])
    return "\n".join(lines) + "\n"


@pytest.mark.long
async def test_an_export_loads_once_and_its_days_can_be_asked_for(
    shell: Shell, books: Ledger
) -> None:
    shell.write("sales.csv", _export())
    _, url = await shell.serve()
    assert (await shell.run("menu", "calendar", "--timezone", "Europe/Kyiv")).code == 0
    load = ("import", "sales.csv", "--store", "uptown", "--timezone", "Europe/Kyiv", "--yes")
    first = await shell.run(*load)
    assert first.code == 0, first.err
    assert "Stored 301 orders as import 1" in first.out
    assert "There is nothing to store" in (await shell.run(*load)).out
    assert await books.count() == 301
    line = '{"store": "central", "drink": "tea", "placed_at": "2024-07-31T12:00:00Z"}\n'
    shell.write("more.ndjson", line * 3)
    for expected in (3, 0):
        loaded = await shell.run("inject", "--url", url, "--file", "more.ndjson", "--json")
        assert json.loads(loaded.out)["accepted"] == expected

    status = await shell.run("status", "--url", url, "--at", AT, "--json")
    assert status.code == 0, status.err
    figures = json.loads(status.out)
    moment = datetime.fromisoformat(AT)
    midnight = moment.replace(hour=0)
    rows = await books.between(midnight, moment)
    assert sum(tally.orders for tally in rows.values()) > 15
    assert figures["totals"]["today"]["orders"] == sum(tally.orders for tally in rows.values())
    assert {
        (cell["store"], cell["drink"]): (cell["sums"]["orders"], cell["sums"]["revenue"])
        for cell in figures["today"]
    } == {key: (tally.orders, money_text(tally.cents)) for key, tally in rows.items()}
    for window, start in (
        ("last_60_minutes", moment - timedelta(minutes=59)),
        ("last_24_hours", moment - timedelta(hours=23)),
        ("last_30_days", midnight - timedelta(days=29)),
    ):
        expected_orders = sum(t.orders for t in (await books.between(start, moment)).values())
        assert figures["totals"][window]["orders"] == expected_orders, window
    plain = await shell.run("status", "--url", url, "--at", AT)
    assert "Wednesday, 31 July 2024, 22:00; all times are those of UTC+03:00" in plain.out
    assert (await shell.run("verify")).code == 0
