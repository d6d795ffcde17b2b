"""`coffeert sessions` and `coffeert sliding` against a running server."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from coffeert.client import OrderClient
from coffeert.errors import ApiError
from coffeert.postgres.installation import set_currency
from coffeert.postgres.pool import connect
from tests.integration.inject import command
from tests.integration.postgres.passing import run_pass
from tests.integration.server.conftest import RunServer
from tests.order_book import insert, order, void

MORNING = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=1)
DAY = f"{MORNING:%Y-%m-%d}"


async def fill(database_url: str) -> None:
    """Sell at 8:00, 8:04 and 8:10, and at another till at 8:15; nothing else yesterday."""
    connection = await connect(database_url, application_name="test")
    await set_currency(connection, "EUR")
    sold = [order(MORNING + timedelta(minutes=minute)) for minute in (0, 4, 10)]
    till = msgspec.structs.replace(order(MORNING + timedelta(minutes=15)), source="=till")
    voided = order(MORNING + timedelta(minutes=30))
    await insert(connection, *sold, till, voided)
    await insert(connection, void(voided))
    await run_pass(connection)
    connection.terminate()


async def run(url: str, *arguments: str) -> tuple[int, str, str]:
    done = await command.run(*arguments, "--url", url)
    return done.code, done.out, done.err


@pytest.mark.long
async def test_sessions_and_windows_as_text_csv_and_json(
    run_server: RunServer, database_url: str
) -> None:
    await fill(database_url)
    span = ("--from", DAY, "--to", DAY)
    async with run_server() as url:
        status, text, _ = await run(url, "sessions", *span)
        assert status == 0
        assert text.splitlines() == [
            f"Uptown               {DAY} 08:00:00 to 08:04:00             0 h 04 min       2 orders",
            f"Uptown               {DAY} 08:10:00 to 08:15:00             0 h 05 min       2 orders",
            "2 sessions, times of UTC",
        ]
        _, text, _ = await run(url, "sessions", *span, "--gap", "6m", "--csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [(row["store"], row["orders"], row["running"]) for row in rows] == [
            ("uptown", "4", "0")
        ]
        _, text, _ = await run(url, "sessions", *span, "--source", "=till", "--json")
        (one,) = json.loads(text)["sessions"]
        assert (one["first_at"], one["orders"]) == (f"{DAY}T08:15:00Z", 1)

        status, text, _ = await run(url, "sliding", *span, "--store", "Uptown")
        assert status == 0
        assert [line.split()[2:] for line in text.splitlines()[1:]] == [
            ["08:10", "2", "orders", "2", "pieces", "9.60", "EUR"],
            ["08:20", "2", "orders", "2", "pieces", "9.60", "EUR"],
        ]
        _, text, _ = await run(url, "sliding", *span, "--step", "1m", "--csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == 4 * 1440
        busiest = [row for row in rows if row["orders"] == "3"]
        assert {row["to"][11:16] for row in busiest} == set()
        assert sum(int(row["orders"]) for row in rows) == 4 * 10
        status, _, error = await run(url, "sessions", "--gap", "59s")
        assert (status, error) == (
            1,
            "coffeert: The windows cannot be made: gap must be a minute or more, such as 60s, 5m or 2h.\n",
        )
        status, _, error = await run(url, "sliding", "--json", "--csv")
        assert status == 2
        async with OrderClient(url) as client:
            found = await client.sessions("60s", first=DAY, last=DAY, stores=["-uptown"])
            assert found.sessions == ()


async def test_what_postgresql_cannot_compare_is_refused(run_server: RunServer) -> None:
    async with run_server() as url, OrderClient(url) as client:
        with pytest.raises(ApiError, match="source must be printable text"):
            await client.sessions("5m", sources=["till", "\0"])
        with pytest.raises(ApiError, match="from must be a whole minute"):
            await client.sliding("5m", "1m", first=f"{DAY}T10:00+00:00:30")
