"""Ticks between the passes: for whoever reads, and never at the cost of a pass."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from coffeert.aggregator import feed_ticker
from coffeert.aggregator.feed_ticker import FeedTicker
from coffeert.cancellation import end
from coffeert.errors import RedisUnavailable
from coffeert.postgres.pool import Connection, close, connect
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


async def sessions_tried(connection: Connection, count: int) -> None:
    """Wait until so many sessions, one after the other, have tried to make a tick."""
    tried = set[int]()
    while len(tried) < count:
        tried.update(row["pid"] for row in await connection.fetch(TICKERS))
        await asyncio.sleep(0.001)


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
    with capture_logs() as lines:
        ticking = ticker(database_url, never, interval=0.05)
        for number in range(1, 4):
            await insert(connection, order())
            async with asyncio.timeout(10):
                while await connection.fetchval(COUNT) < number:
                    await asyncio.sleep(0.005)
            await connection.execute(
                f"SELECT pg_terminate_backend(pid) FROM ({TICKERS}) AS session"
            )
        await end(ticking)
    assert not lines


async def test_a_fault_that_lasts_is_told_once_and_its_end_too(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_ticker, "_TELL_SECONDS", 0.2)
    await connection.execute("UPDATE aggregator_state SET fencing_token = 1")
    await insert(connection, order())
    with capture_logs() as lines:
        ticking = ticker(database_url, never, interval=0.05)
        async with asyncio.timeout(20):
            while not lines:
                await asyncio.sleep(0.005)
            await sessions_tried(connection, 3)
            await connection.execute("UPDATE aggregator_state SET fencing_token = 0")
            while len(lines) < 2:
                await asyncio.sleep(0.005)
        await end(ticking)
    assert [line["event"] for line in lines] == [
        "cannot make ticks of the feed",
        "makes ticks of the feed again",
    ]


async def test_a_session_that_does_not_answer_is_replaced(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while nobody reads, and it is only asked whether somebody does."""
    monkeypatch.setattr(feed_ticker, "STALL_SECONDS", 1.0)
    ticking = ticker(database_url, never, interval=3)
    await insert(connection, order())
    async with asyncio.timeout(20):
        while not await connection.fetchval(COUNT):
            await asyncio.sleep(0.005)
        first = await connection.fetchval(TICKERS)
        other = await connect(database_url, application_name="lock")
        async with other.transaction():
            await other.execute("LOCK TABLE feed_state")
            await insert(other, order())
            while await connection.fetchval(f"SELECT $1 IN ({TICKERS})", first):
                await asyncio.sleep(0.005)
        while await connection.fetchval(COUNT) < 2:
            await asyncio.sleep(0.005)
    await end(ticking)
    await close(other)


async def test_one_that_no_longer_leads_makes_no_tick_over_a_new_session(
    connection: Connection, database_url: str
) -> None:
    await connection.execute("UPDATE aggregator_state SET fencing_token = 1")
    ticking = ticker(database_url, never, interval=0.05)
    await insert(connection, order())
    async with asyncio.timeout(10):
        await sessions_tried(connection, 2)
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
