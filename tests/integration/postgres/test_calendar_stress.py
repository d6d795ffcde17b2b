"""Calendars change while orders are stored and passes run."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from datetime import timedelta

import pytest

from coffeert.domain.orders import Order
from coffeert.postgres.calendars import (
    StoreCalendar,
    count_differing_days,
    load_store_calendars,
    set_default_calendar,
    set_store_calendar,
    unset_store_calendar,
)
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.verification import verify
from tests.integration.postgres.passing import run_pass
from tests.integration.postgres.wall_clock import DATE, begin, unix, utc
from tests.order_book import insert, order

STORES = ("uptown", "downtown", "central", "not-on-the-menu")
ZONES = ("Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe")
# Around changes of the offset in these zones, and Samoa's skipped day.
NIGHTS = (
    "2010-11-07",
    "2011-12-30",
    "2026-03-29",
    "2026-04-04 15:00",
    "2026-10-25",
)
CHANGES = 12


def some_order(chance: random.Random) -> Order:
    moment = unix(chance.choice(NIGHTS)) + chance.randrange(-DATE, DATE)
    placed_at = utc(moment) + timedelta(microseconds=chance.randrange(10**6))
    return order(placed_at, chance.choice(STORES), quantity=chance.randint(1, 3))


def date_of(calendar: StoreCalendar, moment: float) -> int:
    """Return the date of a moment by the rule as it is written."""
    date = int(moment // DATE) * DATE - 2 * DATE
    while begin(calendar.zone, date + DATE, calendar.starts) <= moment:
        date += DATE
    return date


async def change_calendars(connection: Connection, chance: random.Random) -> None:
    for _ in range(CHANGES):
        zone, starts = chance.choice(ZONES), chance.randrange(0, 735, 15)
        match chance.randrange(4):
            case 0:
                await set_default_calendar(connection, zone, starts)
            case 1:
                await unset_store_calendar(connection, chance.choice(STORES[:3]))
            case _:
                await set_store_calendar(connection, chance.choice(STORES[:3]), zone, starts)


@pytest.mark.long
async def test_every_day_is_right_after_calendars_changed_meanwhile(
    database_url: str, connection: Connection, other: Connection
) -> None:
    chance = random.Random(14)
    stored: list[Order] = []
    writer = await connect(database_url, application_name="writer")

    async def store() -> None:
        while not changing.done():
            batch = [some_order(chance) for _ in range(5)]
            await insert(writer, *batch)
            stored.extend(batch)

    async def count() -> None:
        while not changing.done():
            await run_pass(other)

    changing = asyncio.create_task(change_calendars(connection, random.Random(41)))
    await asyncio.gather(store(), count(), changing)
    await run_pass(other)
    await close(writer)

    calendars = await load_store_calendars(connection)
    expected: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for placed in stored:
        calendar = calendars.get(placed.store, calendars[None])
        day = expected[date_of(calendar, placed.placed_at.timestamp()), placed.store]
        day[0] += 1
        day[1] += placed.quantity
        day[2] += placed.quantity * placed.price_cents
    rows = await connection.fetch(
        "SELECT extract(epoch FROM date)::bigint, store, orders, quantity, revenue_cents FROM rollup_day"
    )
    assert {(row[0], row[1]): list(row[2:]) for row in rows} == expected
    assert (await verify(connection)).exact
    assert await count_differing_days(connection) == 0
