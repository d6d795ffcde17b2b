"""Ticks between the passes: for whoever reads, and never at the cost of a pass."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

from coffeert.aggregator.feed_ticker import FeedTicker
from coffeert.errors import RedisUnavailable
from coffeert.postgres.pool import Connection, close, connect
from coffeert.tasks import end
from tests.order_book import insert, order

INTERVAL = 0.6
LONGEST = timedelta(seconds=INTERVAL * 0.9)
COUNT = "SELECT count(*) FROM feed_tick"
TICKERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'coffeert feed ticks'"


def ticker(
    url: str,
    wanted: Callable[[], Awaitable[bool]],
    interval: float = INTERVAL,
    on_tick: Callable[[], None] = lambda: None,
) -> asyncio.Task[None]:
    """Make ticks in a task, under the token that a database has whose lead nobody took."""
    made = FeedTicker(url, wanted, interval=interval, keep=timedelta(days=7), on_tick=on_tick)
    return asyncio.create_task(made.run(0))


async def never() -> bool:
    """Nobody reads at a standby."""
    return False


async def ticks_of_an_interval(
    connection: Connection, url: str, wanted: Callable[[], Awaitable[bool]]
) -> int:
    """Order all the time; return how many ticks came in the interval that the first one begins."""
    done = asyncio.Event()
    writer = await connect(url, application_name="writer")

    async def write() -> None:
        while not done.is_set():
            await insert(writer, order())

    writing = asyncio.create_task(write())
    ticking = ticker(url, wanted)
    while not await connection.fetchval(COUNT):
        await asyncio.sleep(0.005)
    while not await connection.fetchval(
        "SELECT max(time) > min(time) + $1 FROM feed_tick", LONGEST
    ):
        await asyncio.sleep(0.005)
    ticks: int = await connection.fetchval(
        "SELECT count(*) FROM feed_tick WHERE time < (SELECT min(time) FROM feed_tick) + $1",
        LONGEST,
    )
    await end(ticking)
    done.set()
    await writing
    await close(writer)
    return ticks


async def test_nobody_reads(connection: Connection, database_url: str) -> None:
    assert await ticks_of_an_interval(connection, database_url, never) == 1


async def test_a_tick_comes_with_each_interval(connection: Connection, database_url: str) -> None:
    told = Counter[str]()
    ticking = ticker(database_url, never, 0.05, lambda: told.update(["tick"]))
    for number in range(1, 4):
        await insert(connection, order())
        async with asyncio.timeout(10):
            while (await connection.fetchval(COUNT), told["tick"]) < (number, number):
                await asyncio.sleep(0.005)
    await end(ticking)


async def test_somebody_reads_at_a_standby(connection: Connection, database_url: str) -> None:
    asked = 0

    async def from_now_on() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    assert await ticks_of_an_interval(connection, database_url, from_now_on) >= 2


async def test_redis_hangs(connection: Connection, database_url: str) -> None:
    asked = 0

    async def hang() -> bool:
        nonlocal asked
        asked += 1
        return await asyncio.Event().wait()

    assert await ticks_of_an_interval(connection, database_url, hang) == 1
    assert asked == 1


async def test_redis_is_away(connection: Connection, database_url: str) -> None:
    async def fail() -> bool:
        raise RedisUnavailable("It is away.")

    assert await ticks_of_an_interval(connection, database_url, fail) == 1


async def test_ticks_go_on_after_their_session_was_ended(
    connection: Connection, database_url: str
) -> None:
    ticking = ticker(database_url, never, interval=0.05)
    for number in range(1, 4):
        await insert(connection, order())
        async with asyncio.timeout(10):
            while await connection.fetchval(COUNT) < number:
                await asyncio.sleep(0.005)
        await connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({TICKERS}) AS session")
    await end(ticking)


async def test_one_that_no_longer_leads_makes_no_tick_over_a_new_session(
    connection: Connection, database_url: str
) -> None:
    await connection.execute("UPDATE aggregator_state SET fencing_token = 1")
    ticking = ticker(database_url, never, interval=0.05)
    await insert(connection, order())
    tried = set[int]()

    async def has_tried_twice() -> bool:
        tried.update(row["pid"] for row in await connection.fetch(TICKERS))
        return len(tried) > 1

    async with asyncio.timeout(10):
        while not await has_tried_twice():
            await asyncio.sleep(0.001)
    await end(ticking)
    assert await connection.fetchval(COUNT) == 0


async def test_passes_do_not_hold_ticks_up(connection: Connection, database_url: str) -> None:
    """A pass holds the state row until it has counted, and publishes; ticks need neither."""

    async def always() -> bool:
        return True

    ticking = ticker(database_url, always)
    await insert(connection, order())
    async with asyncio.timeout(10):
        while not await connection.fetchval(COUNT):
            await asyncio.sleep(0.005)
        other = await connect(database_url, application_name="pass")
        async with connection.transaction():
            await connection.execute("SELECT FROM aggregator_state FOR UPDATE")
            await insert(other, order())
            while await connection.fetchval(COUNT) < 2:
                await asyncio.sleep(0.005)
    await end(ticking)
    await close(other)
