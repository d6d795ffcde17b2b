"""`coffeert close` and `coffeert closings` against a running server."""

from __future__ import annotations

import csv
import io
import json

import pytest

from coffeert.client import OrderClient
from coffeert.domain.orders import Draft
from coffeert.postgres.installation import set_currency
from coffeert.postgres.pool import connect
from tests.end_to_end.processes import Ended
from tests.integration.client.test_report_command import YESTERDAY
from tests.integration.inject import command
from tests.integration.server.conftest import RunServer

pytestmark = pytest.mark.long

DAY = YESTERDAY.date()


async def sell(url: str, key: str, **more: object) -> None:
    async with OrderClient(url) as client:
        await client.place(Draft("uptown", "latte", 1, 480, YESTERDAY, key=key, **more))  # type: ignore[arg-type]  # fields by name


async def run_command(url: str, *arguments: str) -> Ended:
    return await command.run(*arguments, "--url", url)


async def test_a_day_is_closed_changed_and_closed_again(
    run_server: RunServer, database_url: str
) -> None:
    connection = await connect(database_url, application_name="test")
    await set_currency(connection, "EUR")
    connection.terminate()
    async with run_server() as url:
        await sell(url, "1", receipt="17")
        await sell(url, "2", source="till 2")
        first = await run_command(url, "close")
        again = await run_command(url, "close", str(DAY))
        async with OrderClient(url) as client:
            await client.void("2")
        listed = await run_command(url, "closings")
        full = await run_command(url, "closings", "1")
        report = await run_command(url, "report", str(DAY))
        corrected = await run_command(url, "close", "--json")
        rows = await run_command(url, "closings", "1", "--csv")
        table = await run_command(url, "closings", "--csv")
        body = await run_command(url, "closings", "2", "--json")
    words = " ".join(first.out.split())
    assert words.startswith("Closing 1: ")
    assert "2 orders, 9.60 EUR. Receipts: 1, of 1 of 2 orders." in words
    assert again.out.startswith("This day was closed before, and nothing has changed since.")
    assert "CHANGED since" in listed.out
    sentence = "Closed as number 1 with 9.60 EUR, now 4.80 EUR: 1 order came since (-4.80)."
    for shown in (full, report):
        assert sentence in " ".join(shown.out.split())
    assert [line.split()[0] for line in full.out.splitlines() if "till 2" in line] == ["void"]
    for shown in (first, listed, full):
        assert max(map(len, shown.out.splitlines())) <= 80
    assert json.loads(corrected.out)["corrects"] == 1
    lines = list(csv.DictReader(io.StringIO(rows.out)))
    assert [
        (line["store"], line["drink"], line["takings"], line["late_takings"]) for line in lines
    ] == [
        ("", "", "9.60", "-4.80"),
        ("Uptown", "Latte", "9.60", "-4.80"),
    ]
    closings = list(csv.DictReader(io.StringIO(table.out)))
    assert [
        (one["number"], one["takings"], one["late"], one["corrected_by"]) for one in closings
    ] == [
        ("2", "4.80", "0", ""),
        ("1", "9.60", "1", "2"),
    ]
    assert json.loads(body.out)["figures"]["takings"] == "4.80"


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("close",), 1, "must be one on which something was sold"),
        (("close", "2099-01-01"), 1, "must be over at every store"),
        (("close", "yesterday"), 2, "must be a date such as 2026-11-26"),
        (("closings", "7"), 1, "There is no closing 7."),
        (("closings", "0"), 2, "0 is not in the range"),
        (("closings", "--csv", "--json"), 2, "--csv or --json"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(
    server_url: str, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    result = await run_command(server_url, *arguments)
    assert result.code == status
    assert sentence in result.err


async def test_without_closings_the_list_says_so(server_url: str) -> None:
    result = await run_command(server_url, "closings")
    assert (result.code, result.out) == (0, "No day was closed yet.\n")
