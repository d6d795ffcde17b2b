"""`coffeert report` against a running server."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from coffeert.domain.period_titles import WEEKDAYS
from coffeert.postgres.calendars import set_store_calendar
from coffeert.postgres.installation import set_currency
from coffeert.postgres.pool import connect
from tests.end_to_end.processes import Ended
from tests.integration.inject import command
from tests.integration.postgres.passing import run_pass
from tests.integration.server.conftest import RunServer
from tests.order_book import insert, order, void

YESTERDAY = datetime.now(UTC).replace(hour=12, minute=0) - timedelta(days=1)
DAY = f"{YESTERDAY:%Y-%m-%d}"
"""Not "yesterday", which is another day after midnight, and in India."""


async def fill(database_url: str) -> None:
    connection = await connect(database_url, application_name="test")
    await set_currency(connection, "EUR")
    orders = []
    for weeks in range(5):
        moment = YESTERDAY - timedelta(weeks=weeks)
        orders += [order(moment, "uptown") for _ in range(36 if weeks == 0 else 30)]
        orders += [
            order(moment, "central", "tea", price_cents=290)
            for _ in range(27 if weeks == 0 else 30)
        ]
    voided = order(YESTERDAY, "uptown", "mocha")
    orders += [voided, order(YESTERDAY, "central", "tea", quantity=-2, price_cents=290)]
    await insert(connection, *orders)
    await insert(connection, void(voided))
    await run_pass(connection)
    connection.terminate()


async def run(url: str, *arguments: str) -> Ended:
    return await command.run("report", *arguments, "--url", url)


async def test_a_day_reads_like_a_mail(run_server: RunServer, database_url: str) -> None:
    await fill(database_url)
    async with run_server() as url:
        result = await run(url, DAY)
    assert result.code == 0
    text = " ".join(result.out.split())
    weekday = WEEKDAYS[YESTERDAY.weekday()]
    assert text.startswith(f"{weekday}, {YESTERDAY.day} ")
    # 36 x 4.80 + 27 x 2.90 - 5.80 = 245.30, against 30 x 4.80 + 30 x 2.90 = 231.00.
    assert f"63 orders, 245.30 EUR: 6 % over the {weekday} before." in text
    assert (
        f"It is 6 % over the usual {weekday} (mean of 4), whose 4 days took 231.00 to 231.00 EUR."
        in text
    )
    assert "Best store: Uptown (+20 %); weakest: Central (-17 %)." in text
    assert "Best drink: Latte (+20 %); weakest: Tea (-17 %)." in text
    assert "Sold 251.10 EUR, refunded 5.80 EUR." in text
    assert "refund" in text
    assert "void" in text
    assert "Of these, 63 orders of 245.30 EUR arrived after their day was over." in text
    assert max(map(len, result.out.splitlines())) <= 80


async def test_what_was_taken_back_has_the_times_of_its_store(
    run_server: RunServer, database_url: str
) -> None:
    connection = await connect(database_url, application_name="test")
    await set_store_calendar(connection, "central", "Asia/Kolkata", 0)
    await insert(
        connection, *(order(YESTERDAY, store, quantity=-1) for store in ("uptown", "central"))
    )
    await run_pass(connection)
    connection.terminate()
    async with run_server() as url:
        result = await run(url, DAY)
    refunds = [line for line in result.out.splitlines() if "refund" in line]
    of = {name: [line for line in refunds if name in line] for name in ("Uptown", "Central")}
    assert ["17:30" in line for line in of["Central"]] == [True]
    assert ["12:00" in line for line in of["Uptown"]] == [True]
    assert "Times are those of each store." in result.out


@pytest.mark.long
async def test_csv_has_the_rows_that_are_shown(run_server: RunServer, database_url: str) -> None:
    await fill(database_url)
    async with run_server() as url:
        result = await run(url, DAY, "--csv", "--by", "store,drink", "--drink=-mocha")
        total = await run(url, DAY, "--json", "--by", "store", "--store", "Central")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [(row["store"], row["drink"], row["orders"], row["takings"]) for row in rows] == [
        ("", "", "63", "245.30"),
        ("Uptown", "Latte", "36", "172.80"),
        ("Central", "Tea", "27", "72.50"),
    ]
    assert json.loads(total.out)["total"]["figures"]["refunded"] == "5.80"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tomorrow",), "period must be today, yesterday"),
        (("today", "--store", "nowhere"), "'nowhere' is not on the menu"),
        (("2026-01", "--compare", "yesterday"), "compare can be yesterday for a single day only"),
        (("today", "--min-price", "cheap"), "min_price must be a number such as 4.50"),
    ],
)
async def test_what_cannot_be_answered_is_said_in_a_sentence(
    server_url: str, arguments: tuple[str, ...], sentence: str
) -> None:
    result = await run(server_url, *arguments)
    assert result.code == 1
    assert sentence in result.err
