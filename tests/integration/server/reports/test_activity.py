"""Which stores are quiet by their own habit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coffeert.postgres.menu import load_menu
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.reports import report_transaction
from coffeert.server.reports.reading import read_activity
from coffeert.wire.reports import StoreActivity
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order, void

THURSDAY = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
"""Between the rush of a morning from 8 to 9, with a sale each minute, and two sales an hour until 18:00."""


async def sell(connection: Connection, until: datetime) -> None:
    orders = []
    for week in range(5):
        opens = THURSDAY.replace(hour=8, minute=0) - timedelta(weeks=week)
        minutes = [*range(60), *range(75, 600, 30)]
        moments = [opens + timedelta(minutes=minute) for minute in minutes]
        orders += [order(moment) for moment in moments if moment <= until]
    await insert(connection, *orders)


async def activity_at(database_url: str, last: datetime, now: datetime) -> StoreActivity:
    connection = await connect(database_url, application_name="test")
    try:
        await sell(connection, last)
        voided = order(now - timedelta(minutes=1))
        await insert(connection, voided)
        await insert(connection, void(voided))
        await run_pass(connection)
        await connection.execute("UPDATE aggregator_state SET passed_at = $1", now)
        async with report_transaction(connection, 5):
            activity = await read_activity(connection, await load_menu(connection))
    finally:
        connection.terminate()
    by_store = {of.store: of for of in activity.stores}
    assert by_store["central"].usually_open is None
    assert not by_store["central"].quiet
    return by_store["uptown"]


def at(hour: int, minute: int) -> datetime:
    return THURSDAY.replace(hour=hour, minute=minute)


@pytest.mark.parametrize(
    ("last", "now", "usually_open", "quiet"),
    [
        (at(8, 30), at(8, 34), True, False),  # four sales were to be expected
        (at(8, 30), at(8, 36), True, True),
        (at(12, 15), at(14, 0), True, False),
        (at(12, 15), at(15, 0), True, True),
        (at(7, 0), at(8, 3), True, False),  # has not opened yet, three minutes late
        (at(7, 0), at(8, 6), True, True),
        (at(17, 45), at(23, 0), False, False),  # closed
    ],
)
async def test_a_store_is_quiet_if_it_usually_sells_more_often(
    database_url: str, last: datetime, now: datetime, usually_open: bool, quiet: bool
) -> None:
    found = await activity_at(database_url, last, now)
    assert (found.usually_open, found.quiet) == (usually_open, quiet)
    if last.hour >= 8:
        assert found.last_sale == last


async def test_the_usual_gap_is_that_of_the_hour_around_now(database_url: str) -> None:
    found = await activity_at(database_url, at(13, 15), at(13, 30))
    assert found.usual_gap == 1800
