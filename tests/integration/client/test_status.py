"""`coffeert status` against a real server equals what was placed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from coffeert.cli.figures import BreakdownTotals, StatusFigures
from coffeert.client import OrderClient
from coffeert.domain.orders import Draft
from coffeert.postgres.calendars import set_default_calendar
from coffeert.postgres.pool import close, connect
from tests.integration.inject.command import run

DAY = datetime(2024, 7, 31, 19, tzinfo=UTC)  # 22:00 at +03:00


async def status(*arguments: str) -> StatusFigures:
    done = await run("status", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    return msgspec.json.decode(done.out, type=StatusFigures)


@pytest.mark.long
async def test_now_and_as_it_was(server_url: str, database_url: str) -> None:
    connection = await connect(database_url, application_name="test")
    await set_default_calendar(connection, "Europe/Kyiv")
    await close(connection)
    async with OrderClient(server_url) as client:
        placed = [
            (timedelta(hours=-22, minutes=-1), "tea"),  # a minute before that day began
            (timedelta(hours=-22), "tea"),
            (timedelta(hours=-2), "latte"),
            (timedelta(minutes=-59), "latte"),
            (timedelta(0), "mocha"),
            (timedelta(microseconds=1), "mocha"),  # after the moment asked for
        ]
        for offset, drink in placed:
            await client.place(Draft("uptown", drink, 2, 250, DAY + offset))
        await client.place(Draft("central", "tea", 1, 300))
        async with asyncio.timeout(10):
            while (await client.dashboard(DAY)).view.totals.day.orders != 5:
                await asyncio.sleep(0.02)
    then = await status("--url", server_url, "--at", "2024-07-31T22:00:00+03:00")
    assert then.totals.today == BreakdownTotals(4, 8, "20.00")
    assert then.totals.last_60_minutes == BreakdownTotals(2, 4, "10.00")
    assert then.totals.last_30_days == BreakdownTotals(5, 10, "25.00")
    drinks = {item.code: item.windows.today for item in then.drinks}
    assert drinks == {
        "tea": BreakdownTotals(1, 2, "5.00"),
        "latte": BreakdownTotals(2, 4, "10.00"),
        "mocha": BreakdownTotals(1, 2, "5.00"),
    }
    assert [(cell.store, cell.drink) for cell in then.today] == [
        ("uptown", "latte"),
        ("uptown", "mocha"),
        ("uptown", "tea"),
    ]
    assert then.health is None
    assert [order.drink for order in then.recent] == ["mocha", "latte", "latte", "tea", "tea"]
    named = await status(
        "--url", server_url, "--at", "2024-07-31 22:00", "--timezone", "Europe/Kyiv"
    )
    assert named == msgspec.structs.replace(then, data_time=named.data_time)
    for instant in (
        "2024-07-31T19:00:00Z",
        "2024-08-01T00:30:00+05:30",
        "2024-07-31T19:00:00+00:00",
    ):
        again = await status("--url", server_url, "--at", instant)
        assert again == msgspec.structs.replace(then, data_time=again.data_time), instant
    day = await status("--url", server_url, "--at", "2024-07-31")
    assert day.totals.today == BreakdownTotals(5, 10, "25.00"), "the whole day"
    now = await status("--url", server_url)
    assert now.totals.last_30_days == BreakdownTotals(1, 1, "3.00")
    assert now.health is not None


@pytest.mark.long
async def test_text_and_errors(server_url: str) -> None:
    done = await run("status", "--url", server_url)
    assert done.code == 0
    assert "top 5" in done.out
    assert "database   ok" in done.out
    bad = await run("status", "--url", server_url, "--at", "half past nine")
    assert (bad.code, bad.out) == (2, "")
    assert bad.err.count("\n") == 1
    for day in ("1999-12-31", "9999-12-31"):
        bad = await run("status", "--url", server_url, "--at", day)
        told = "coffeert: at must lie between 2000-01-01 and now.\n"
        assert (bad.code, bad.out, bad.err) == (1, "", told)
    beyond = ("--from", "0001-01-01T00:00+14:00", "--to", "0001-01-01T01:00")
    for command in (("replay", "--save", "unwritten"), ("orders",)):
        bad = await run(*command, "--url", server_url, *beyond)
        assert "coffeert: from must be a time such as 2026-" in bad.err, bad
