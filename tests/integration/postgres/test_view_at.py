"""The view of a past moment, and that of the last pass, against a plain GROUP BY over the orders."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Order
from coffeert.domain.rollups import GRAINS, CellKey, Cells, RetentionWindow, RollupCube, Totals
from coffeert.domain.view import Change
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.rollups import load_snapshot, view_at
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order, stored_orders, void

# Whole hours, halves and quarters; clocks put on by an hour, by half an hour, and at midnight.
ZONES = (
    "UTC",
    "Europe/Kyiv",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Australia/Lord_Howe",
    "Africa/Cairo",
)
DAYS = (
    datetime(2026, 3, 29, tzinfo=UTC),  # Kyiv's clocks are put on
    datetime(2025, 11, 2, tzinfo=UTC),  # New York's are put back
    datetime(2025, 4, 5, 15, tzinfo=UTC),  # Lord Howe's and Chatham's are put back
    datetime(2025, 4, 24, 22, tzinfo=UTC),  # Cairo's are put on, at midnight
    datetime(2024, 2, 29, 18, 30, tzinfo=UTC),  # midnight in Kolkata
)
PLAIN = """
    SELECT extract(epoch FROM date_trunc($1, placed_at, 'UTC'))::bigint, store, drink,
           sum(sign(quantity))::bigint, sum(quantity)::bigint,
           sum(quantity::bigint * price_cents)::bigint
    FROM orders WHERE placed_at <= $2 GROUP BY 1, 2, 3
"""
TODAY = """
    SELECT coalesce(sum(sign(quantity)), 0)::bigint, coalesce(sum(quantity), 0)::bigint,
           coalesce(sum(quantity::bigint * price_cents), 0)::bigint
    FROM orders WHERE placed_at >= date_trunc('day', $1, $2) AND placed_at <= $1
"""


def many_orders(count: int) -> list[Order]:
    """Orders around the days, dense near their edges, on and beside the edges of minutes."""
    chance = random.Random(7)
    orders = []
    for _ in range(count):
        seconds = chance.choice((1, 60, 3600, 86400, 30 * 86400)) * chance.uniform(-1, 1)
        placed = chance.choice(DAYS) + timedelta(seconds=seconds)
        if chance.random() < 0.3:
            placed = placed.replace(second=0, microsecond=0) - timedelta(
                microseconds=chance.choice((0, 1))
            )
        orders.append(
            order(
                placed,
                chance.choice(("uptown", "central")),
                chance.choice(("latte", "tea", "mocha")),
                quantity=chance.randint(1, 99),
                price_cents=chance.choice((0, 480, 100_000_000)),
            )
        )
    return orders + [void(made) for made in orders[:: count // 50]]


async def plain(connection: Connection, moment: datetime, retention: RetentionWindow) -> Cells:
    """What the view must be, by one GROUP BY a grain."""
    cells: Cells = {}
    for grain in GRAINS:
        for row in await connection.fetch(PLAIN, grain, moment):
            key, tally = CellKey(grain, *row[:3]), Totals(*row[3:])
            if retention.contains(grain, key.bucket) and any(tally):
                cells[key] = tally
    return cells


async def check(connection: Connection, moment: datetime, zone: str) -> None:
    retention = RetentionWindow.at(moment, ZoneInfo(zone))
    change = await view_at(connection, moment, retention)
    assert change.cells == await plain(connection, moment, retention)
    until = [made for made in await stored_orders(connection) if made.placed_at <= moment]
    until.sort(key=lambda made: made.recency, reverse=True)
    assert change.recent == tuple(until[:50])
    assert change.retention == retention
    today = await connection.fetchrow(TODAY, moment, zone)
    assert today is not None
    assert picture_of(change).totals().today == Totals(*today)


def picture_of(change: Change) -> RollupCube:
    cube = RollupCube(change.retention)
    for key, tally in change.cells.items():
        cube.set(key, tally)
    return cube


near_edges = st.sampled_from((-1800, -60, -1, 0, 1, 60, 900, 3600, 86400))
moments = st.builds(
    lambda day, seconds, micro: day + timedelta(seconds=seconds, microseconds=micro),
    st.sampled_from(DAYS),
    st.one_of(near_edges, st.integers(-(10**6), 10**6)),
    st.sampled_from((-1, 0, 1, 500_000)),
)


@pytest.fixture
def shop(database_url: str) -> Iterator[tuple[asyncio.Runner, Connection]]:
    """A database with many orders, all counted."""
    with asyncio.Runner() as runner:
        connection = runner.run(connect(database_url, application_name="test"))
        runner.run(insert(connection, *many_orders(1500)))
        runner.run(run_pass(connection))
        yield runner, connection
        connection.terminate()


def test_any_past_moment_is_as_a_plain_group_by_says(
    shop: tuple[asyncio.Runner, Connection],
) -> None:
    runner, connection = shop

    @settings(max_examples=60, deadline=None)
    @given(moments, st.sampled_from(ZONES))
    @example(datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "Europe/Kyiv")
    @example(datetime(2025, 11, 2, 6, 30, tzinfo=UTC), "America/New_York")
    @example(datetime(2025, 4, 5, 15, 15, tzinfo=UTC), "Australia/Lord_Howe")
    @example(datetime(2025, 4, 24, 22, 20, tzinfo=UTC), "Africa/Cairo")
    @example(datetime(2024, 2, 29, 19, 30, tzinfo=UTC), "Asia/Kolkata")
    @example(datetime(2000, 1, 1, tzinfo=UTC), "UTC")
    def compare(moment: datetime, zone: str) -> None:
        runner.run(check(connection, moment, zone))

    compare()


async def test_the_moment_itself_is_included_to_the_microsecond(connection: Connection) -> None:
    moment = datetime(2026, 3, 28, 12, 0, 30, 123_456, tzinfo=UTC)
    made, later = order(moment), order(moment + timedelta(microseconds=1))
    await insert(connection, made, later)
    await run_pass(connection)
    retention = RetentionWindow.at(moment, UTC)
    assert (await view_at(connection, moment, retention)).recent == (made,)
    assert len((await view_at(connection, moment, retention)).cells) == 3
    before = await view_at(connection, moment - timedelta(microseconds=1), retention)
    assert (before.recent, before.cells) == ((), {})


async def test_only_what_the_last_pass_has_seen_is_shown(connection: Connection) -> None:
    seen, unseen = order(datetime.now(UTC)), order(datetime.now(UTC))
    await insert(connection, seen)
    result = await run_pass(connection)
    await insert(connection, unseen)
    moment = datetime.now(UTC)
    retention = RetentionWindow.at(moment, UTC)
    change = await view_at(connection, moment, retention)
    snapshot = await load_snapshot(connection, retention)
    assert change.recent == snapshot.recent == (seen,)
    assert sum(tally.orders for tally in change.cells.values()) == 3
    assert change.data_time == snapshot.data_time == result.data_time
    assert snapshot.watermark == result.watermark


async def test_a_snapshot_is_what_a_cube_of_every_order_would_keep(
    connection: Connection,
) -> None:
    now = datetime.now(UTC)
    ages = (0, 1, 59, 60, 61, 600, 1439, 1440, 1500, 1501, 30 * 1440 - 1, 31 * 1440, 10**6)
    await insert(connection, *(order(now - timedelta(minutes=age)) for age in ages))
    await run_pass(connection)
    for zone in ZONES:
        retention = RetentionWindow.at(now, ZoneInfo(zone))
        snapshot = await load_snapshot(connection, retention)
        assert snapshot.cells == await plain(connection, datetime.now(UTC), retention)
