"""Ticks between the passes: for whoever reads, and never at the cost of a pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from coffeert.aggregator.feed_ticker import FeedTicker
from coffeert.aggregator.interval_timer import IntervalTimer
from coffeert.aggregator.lease_renewal import LeaseRenewal
from coffeert.errors import RedisUnavailable
from coffeert.postgres.pool import Connection, close, connect
from tests.order_book import insert, order

INTERVAL = 0.6


async def ticks_of_an_interval(
    connection: Connection, url: str, wanted: Callable[[], Awaitable[bool]]
) -> tuple[int, float]:
    """Order all the time for an interval; return how many ticks were made in it, and how long it took."""
    done = asyncio.Event()
    writer = await connect(url, application_name="writer")

    async def write() -> None:
        while not done.is_set():
            await insert(writer, order())

    writing = asyncio.create_task(write())
    began = time.monotonic()
    ticker = FeedTicker(timedelta(days=7), wanted)
    await ticker.tick_until_pass(connection, IntervalTimer(INTERVAL), LeaseRenewal(connection, 1))
    took = time.monotonic() - began
    done.set()
    await writing
    await close(writer)
    return await connection.fetchval("SELECT count(*) FROM feed_tick"), took


async def test_nobody_reads(connection: Connection, database_url: str) -> None:
    async def never() -> bool:
        return False

    ticks, took = await ticks_of_an_interval(connection, database_url, never)
    assert ticks <= 1
    assert took <= INTERVAL + 0.5


async def test_somebody_reads_at_a_standby(connection: Connection, database_url: str) -> None:
    asked = 0

    async def from_now_on() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    ticks, _ = await ticks_of_an_interval(connection, database_url, from_now_on)
    assert ticks >= 2


async def test_redis_hangs(connection: Connection, database_url: str) -> None:
    asked = 0

    async def hang() -> bool:
        nonlocal asked
        asked += 1
        return await asyncio.Event().wait()

    ticks, took = await ticks_of_an_interval(connection, database_url, hang)
    assert asked == 1
    assert ticks <= 1
    assert took <= INTERVAL + 0.5


async def test_redis_is_away(connection: Connection, database_url: str) -> None:
    async def fail() -> bool:
        raise RedisUnavailable("It is away.")

    ticks, _ = await ticks_of_an_interval(connection, database_url, fail)
    assert ticks <= 1
