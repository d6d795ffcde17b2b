"""Which stores are quiet by their own habit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from coffeert.domain.orders import Order
from coffeert.postgres.menu import load_menu
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.reports import report_transaction
from coffeert.server.reports.reading import read_activity
from coffeert.wire.reports import StoreActivity
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order, void

THURSDAY = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
"""Between the rush of a morning from 8 to 9, with a sale each minute, and two sales an hour until 18:00."""


MINUTES = (*range(60), *range(75, 600, 30))


async def sell(connection: Connection, until: datetime, minutes: Sequence[float] = MINUTES) -> None:
    orders = []
    for week in range(5):
        opens = THURSDAY.replace(hour=8, minute=0) - timedelta(weeks=week)
        moments = [opens + timedelta(minutes=minute) for minute in minutes]
        orders += [order(moment) for moment in moments if moment <= until]
    await insert(connection, *orders)


async def activity_at(
    database_url: str,
    last: datetime,
    now: datetime,
    minutes: Sequence[float] = MINUTES,
    *more: Order,
) -> StoreActivity:
    connection = await connect(database_url, application_name="test")
    try:
        await sell(connection, last, minutes)
        await insert(connection, *more)
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
        (at(8, 30), at(8, 31), True, False),
        (at(8, 30), at(8, 32), True, True),  # there was a sale in each minute
        (at(12, 15), at(14, 0), True, False),
        (at(12, 15), at(15, 0), True, True),
        (at(7, 0), at(8, 1), True, False),  # has not opened yet
        (at(7, 0), at(8, 3), True, True),
        (at(17, 45), at(23, 0), False, False),  # closed
    ],
)
async def test_a_store_is_quiet_if_it_usually_sells_more_often(
    database_url: str, last: datetime, now: datetime, usually_open: bool, quiet: bool
) -> None:
    found = await activity_at(database_url, last, now)
    assert (found.usually_open, found.quiet) == (usually_open, quiet)
    # A store that has not opened yet is silent since it usually opens, not since yesterday.
    silent = now - max(last, at(8, 0))
    assert found.silent_for == (silent.total_seconds() if quiet else 0)
    if last.hour >= 8:
        assert found.last_sale == last


async def test_the_usual_gap_is_that_of_the_hour_around_now(database_url: str) -> None:
    found = await activity_at(database_url, at(13, 15), at(13, 30))
    assert found.usual_gap == 1800


RECEIPTS = [minute + line / 60 for minute in range(0, 600, 6) for line in range(4)]
"""A receipt of four lines each six minutes."""


async def test_a_receipt_of_many_lines_is_one_sale(database_url: str) -> None:
    found = await activity_at(database_url, at(12, 30), at(12, 44), RECEIPTS)
    assert (found.usual_gap, found.quiet) == (90, False)


async def test_a_store_is_quiet_after_receipts_that_should_have_come(database_url: str) -> None:
    found = await activity_at(database_url, at(12, 30), at(13, 1), RECEIPTS)
    assert (found.quiet, found.silent_for) == (True, 31 * 60)


async def test_a_rush_is_told_against_the_same_ten_minutes_of_usual_days(
    database_url: str,
) -> None:
    now = at(8, 40) + timedelta(seconds=59)
    more = [order(at(8, 30 + number)) for number in range(10) for _ in range(2)]
    outside = [order(at(8, 29) + timedelta(seconds=59)), order(at(8, 40))]
    found = await activity_at(database_url, at(8, 40), now, MINUTES, *more, *outside)
    assert (found.orders_10m, found.usual_10m, found.rush) == (30, 10, 3)


async def test_there_is_no_rush_against_fewer_than_twenty_orders(database_url: str) -> None:
    more = [order(at(12, 0)) for _ in range(50)]
    found = await activity_at(database_url, at(11, 45), at(12, 5), MINUTES, *more)
    assert (found.orders_10m, found.rush) == (50, None)
    assert found.usual_10m is not None
    assert found.usual_10m > 0
