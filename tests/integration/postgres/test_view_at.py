"""The view of a past moment, and that of the last pass, against a plain GROUP BY over the orders."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coffeert.domain.calendar import calendar_span
from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import GRAINS, CellKey, Cells, StoreDrink, Totals
from coffeert.domain.view import Change
from coffeert.errors import Invalid
from coffeert.postgres.calendars import load_calendars, set_default_calendar, set_store_calendar
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.rollups import load_snapshot, view_at, view_on
from coffeert.postgres.verification import verify
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
    SELECT $1, extract(epoch FROM bucket)::bigint, store, drink,
           (count(*) FILTER (WHERE quantity > 0 AND voids IS NULL)
            - count(*) FILTER (WHERE quantity < 0 AND voids IS NOT NULL))::bigint,
           sum(quantity)::bigint, sum(coalesce(amount, quantity::bigint * price_cents))::bigint
    FROM (
        SELECT *, CASE $1
            WHEN 'minute' THEN date_trunc('minute', placed_at, 'UTC')
            WHEN 'hour' THEN date_trunc('hour', placed_at, zone)
            ELSE (SELECT date::timestamp AT TIME ZONE 'UTC' FROM calendar_day
                  WHERE calendar = id AND placed_at < ends AND begins BETWEEN
                      placed_at - interval '3 days' AND placed_at)
        END AS bucket
        FROM orders JOIN calendar ON id = coalesce(
            (SELECT menu_store.calendar FROM menu_store WHERE code = store), 1::smallint)
        WHERE placed_at <= $2
    ) AS placed
    GROUP BY 2, 3, 4
"""
TODAY = """
    SELECT coalesce(sum(quantity), 0)::bigint,
           coalesce(sum(coalesce(amount, quantity::bigint * price_cents)), 0)::bigint
    FROM orders
    JOIN calendar_day ON calendar = coalesce(
            (SELECT menu_store.calendar FROM menu_store WHERE code = store), 1::smallint) AND $1 < ends
        AND begins BETWEEN $1 - interval '3 days' AND $1
    WHERE placed_at >= begins AND placed_at <= $1
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
            key, tally = CellKey(*row[:4]), Totals(*row[4:])
            if retention.contains(key) and any(tally):
                cells[key] = tally
    return cells


async def check(connection: Connection, moment: datetime) -> None:
    change = await view_at(connection, moment)
    retention = RetentionWindow.at(moment, await load_calendars(connection, *calendar_span(moment)))
    assert change.retention == retention
    kept = {key: tally for key, tally in change.cells.items() if retention.contains(key)}
    assert kept == await plain(connection, moment, retention)
    until = [made for made in await stored_orders(connection) if made.placed_at <= moment]
    until.sort(key=lambda made: made.recency, reverse=True)
    assert change.recent == tuple(until[:50])
    today = await connection.fetchrow(TODAY, moment)
    assert today is not None
    assert picture_of(change).totals().today[1:] == tuple(today)


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


@pytest.mark.parametrize(
    ("zone", "starts"), [(zone, 240 * (number % 2)) for number, zone in enumerate(ZONES)]
)
def test_any_past_moment_is_as_a_plain_group_by_says(
    shop: tuple[asyncio.Runner, Connection], zone: str, starts: int
) -> None:
    runner, connection = shop
    runner.run(set_default_calendar(connection, zone, starts))
    runner.run(set_store_calendar(connection, "central", "Asia/Kathmandu", 240))

    @settings(max_examples=8, deadline=None)
    @given(moments)
    @example(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    @example(datetime(2025, 11, 2, 6, 30, tzinfo=UTC))
    @example(datetime(2025, 4, 5, 15, 15, tzinfo=UTC))
    @example(datetime(2025, 4, 24, 22, 20, tzinfo=UTC))
    @example(datetime(2024, 2, 29, 19, 30, tzinfo=UTC))
    def compare(moment: datetime) -> None:
        runner.run(check(connection, moment))

    compare()
    assert runner.run(verify(connection)).exact


@pytest.mark.parametrize("kept_from", ["2026-03-28 23:10+00", "2026-03-29 00:00+00"])
def test_minutes_that_are_not_kept_are_read_from_the_orders(
    shop: tuple[asyncio.Runner, Connection], kept_from: str
) -> None:
    runner, connection = shop
    runner.run(connection.execute(f"UPDATE aggregator_state SET minutes_from = '{kept_from}'"))
    runner.run(connection.execute(f"DELETE FROM rollup_minute WHERE bucket < '{kept_from}'"))
    runner.run(connection.execute(f"DELETE FROM activity WHERE minute < '{kept_from}'"))
    for minutes in range(-90, 90, 19):
        moment = datetime(2026, 3, 28, 23, 20, 30, tzinfo=UTC) + timedelta(minutes=minutes)
        runner.run(check(connection, moment))
    assert runner.run(verify(connection)).exact


async def test_the_moment_itself_is_included_to_the_microsecond(connection: Connection) -> None:
    moment = datetime(2026, 3, 28, 12, 0, 30, 123_456, tzinfo=UTC)
    made, later = order(moment), order(moment + timedelta(microseconds=1))
    await insert(connection, made, later)
    await run_pass(connection)
    assert (await view_at(connection, moment)).recent == (made,)
    assert len((await view_at(connection, moment)).cells) == 3
    before = await view_at(connection, moment - timedelta(microseconds=1))
    assert (before.recent, before.cells) == ((), {})


async def test_a_day_is_shown_whole_at_every_store(connection: Connection) -> None:
    await set_default_calendar(connection, "America/New_York", 240)
    await set_store_calendar(connection, "central", "Asia/Tokyo", 0)
    for store, day_begins, day_ends in (
        ("uptown", "2026-10-25T04:00:00-04:00", "2026-10-26T04:00:00-04:00"),
        ("central", "2026-10-25T00:00:00+09:00", "2026-10-26T00:00:00+09:00"),
    ):
        begins, ends = map(datetime.fromisoformat, (day_begins, day_ends))
        moments = begins, ends - timedelta(microseconds=1)
        await insert(connection, *(order(moment, store) for moment in moments))
        await insert(
            connection, order(begins - timedelta(microseconds=1), store), order(ends, store)
        )
    await run_pass(connection)
    cube = picture_of(await view_on(connection, date(2026, 10, 25), datetime.now(UTC)))
    assert cube.totals().today == Totals(4, 4, 4 * 480)
    assert cube.today_cells() == {
        StoreDrink("uptown", "latte"): Totals(2, 2, 960),
        StoreDrink("central", "latte"): Totals(2, 2, 960),
    }


async def test_only_what_the_last_pass_has_seen_is_shown(connection: Connection) -> None:
    seen, unseen = order(datetime.now(UTC)), order(datetime.now(UTC))
    await insert(connection, seen)
    result = await run_pass(connection)
    await insert(connection, unseen)
    moment = datetime.now(UTC)
    change = await view_at(connection, moment)
    snapshot = await load_snapshot(connection, moment)
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
    for zone in ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe"):
        await set_default_calendar(connection, zone)
        snapshot = await load_snapshot(connection, now)
        assert snapshot.calendars is not None
        retention = RetentionWindow.at(now, snapshot.calendars)
        assert snapshot.cells == await plain(connection, datetime.now(UTC), retention)


async def test_a_day_that_has_not_begun_everywhere_keeps_what_is_before_it(
    connection: Connection,
) -> None:
    now = datetime(2026, 11, 27, 0, 43, tzinfo=UTC)
    await set_store_calendar(connection, "central", "America/New_York", 0)
    hours = [now - timedelta(hours=hour) for hour in range(100)]
    await insert(
        connection, *(order(hour, store) for hour in hours for store in ("uptown", "central"))
    )
    await run_pass(connection)
    shown = picture_of(await view_on(connection, date(2026, 11, 27), now)).totals()
    assert (shown.day.orders, shown.today.orders) == (200, 1)
    with pytest.raises(Invalid):
        await view_on(connection, date(2026, 11, 28), now)


async def test_a_day_is_whole_however_far_apart_days_end(connection: Connection) -> None:
    await set_default_calendar(connection, "Pacific/Pago_Pago", 720)
    await set_store_calendar(connection, "central", "Pacific/Auckland", 0)
    first = datetime(2026, 11, 18, tzinfo=UTC)
    hours = [first + timedelta(hours=hour) for hour in range(96)]
    await insert(
        connection, *(order(hour, store) for hour in hours for store in ("uptown", "central"))
    )
    await run_pass(connection)
    cube = picture_of(
        await view_on(connection, date(2026, 11, 20), datetime(2026, 12, 1, tzinfo=UTC))
    )
    assert [totals.orders for totals in cube.today_cells().values()] == [24, 24]
