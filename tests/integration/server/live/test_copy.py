"""The copy in Redis is believed only while PostgreSQL is away, and what is wrong in it heals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
import asyncpg
import pytest
from msgspec.structs import replace
from redis import Redis

from coffeert.cancellation import end
from coffeert.domain.coverage import Coverage
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import tally_orders
from coffeert.domain.view import RollupSnapshot
from coffeert.domain.watermark import Xid
from coffeert.errors import DatabaseUnavailable
from coffeert.redis_bus.bus import Bus
from coffeert.redis_bus.publisher import RedisPublisher
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.live.database_clock import DatabaseClock
from coffeert.server.live.live_view import LiveView
from coffeert.server.live.rollup_reader import RollupReader
from coffeert.server.live.updater import LiveUpdater
from tests.integration.redis_bus.pass_factory import CALENDARS, Pass, PassFactory, publish
from tests.integration.server.conftest import RunServer
from tests.integration.server.live.dashboards import place, shows
from tests.waiting import POLL, WITHIN, eventually


async def test_a_wrong_value_is_not_shown_after_a_reconnection_nor_at_a_start(
    run_server: RunServer, redis_url: str
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    field = f"day:{long_ago:%Y-%m-%d}"
    async with run_server() as url, aiohttp.ClientSession() as http:
        await place(http, url, 10, long_ago)
        await shows(http, url, 10)
        with Redis.from_url(redis_url) as client:
            redis: Any = client
            async with asyncio.timeout(WITHIN):
                while not redis.hexists("{coffeert}:v3:snapshot", field):
                    await asyncio.sleep(POLL)
            wrong = json.loads(redis.hget("{coffeert}:v3:snapshot", field))
            wrong[3] = [1010]
            redis.hset("{coffeert}:v3:snapshot", field, json.dumps(wrong))
            redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await place(http, url, 1)
            await shows(http, url, 11)
            async with run_server(run_aggregator=False) as fresh:
                await shows(http, fresh, 11)
            async with asyncio.timeout(WITHIN):  # and it is overwritten, in its turn
                while json.loads(redis.hget("{coffeert}:v3:snapshot", field))[3] != [10]:
                    await asyncio.sleep(POLL)


async def test_a_strange_meta_neither_stops_publishing_nor_makes_lineages(
    run_server: RunServer, redis_url: str, database_url: str
) -> None:
    async with run_server() as url, aiohttp.ClientSession() as http:
        await place(http, url, 1)
        await shows(http, url, 1)
        connection = await asyncpg.connect(database_url)
        lineage = await connection.fetchval("SELECT lineage FROM aggregator_state")
        with Redis.from_url(redis_url) as client:
            redis: Any = client
            async with asyncio.timeout(WITHIN):
                while not (data := redis.hget("{coffeert}:v3:snapshot", "meta")):
                    await asyncio.sleep(POLL)
            meta = json.loads(data)
            strange = meta | {
                "lineage": "another",
                "token": 10**6,
                "data_time": "9999-12-31T23:59:59.000000+00:00",
            }
            redis.hset("{coffeert}:v3:snapshot", "meta", json.dumps(strange))
            async with asyncio.timeout(WITHIN):
                while json.loads(redis.hget("{coffeert}:v3:snapshot", "meta"))["token"] != 1:
                    await asyncio.sleep(POLL)
        await place(http, url, 1)
        await shows(http, url, 2)
        assert await connection.fetchval("SELECT lineage FROM aggregator_state") == lineage
        await connection.close()


class Database:
    """PostgreSQL as the updater reads it, which may be away; it has what the last pass left."""

    def __init__(self, made: Pass) -> None:
        self.clock = DatabaseClock(wall=lambda: made.message.data_time)
        self.made = made
        self.away = False
        self.loads = 0
        self.uncounted: PendingBatches | None = None
        self.meanwhile: list[Callable[[], None]] = []

    async def load_snapshot(self, *, live: bool) -> tuple[RollupSnapshot, datetime]:
        if self.away:
            raise DatabaseUnavailable("PostgreSQL is away.")
        self.loads += 1
        snapshot = replace(self.made.snapshot, uncounted=self.uncounted)
        while self.meanwhile:
            self.meanwhile.pop()()
        return snapshot, self.clock.now()

    async def measure_clock(self) -> None:
        raise AssertionError("every pass is of now")

    async def lineage(self) -> str:
        if self.away:
            raise DatabaseUnavailable("PostgreSQL is away.")
        return self.made.message.lineage


class Shown:
    """A live view that an updater keeps, and what it is kept by."""

    def __init__(self, redis_url: str, made: Pass) -> None:
        self.database = Database(made)
        self.view = LiveView(CALENDARS, made.message.data_time)
        self.lineages: list[str] = []
        self.bus = Bus(redis_url)
        self.updater = LiveUpdater(
            self.view,
            Broadcaster(
                ChangeLog(self.view), min_frame_interval=1, slow_client_timeout=1, max_clients=1
            ),
            self.bus,
            cast("RollupReader", self.database),
            live=True,
            on_new_lineage=self.lineages.append,
        )

    def shows(self, made: Pass) -> bool:
        return dict(self.view.view.cube.cells()) == dict(made.cube.cells())


@pytest.fixture
async def publisher(redis_url: str, opened: AsyncExitStack) -> RedisPublisher:
    publisher = RedisPublisher(redis_url)
    opened.push_async_callback(publisher.close)
    return publisher


@pytest.fixture
def factory() -> PassFactory:
    return PassFactory()


@pytest.fixture
async def shown(
    redis_url: str, publisher: RedisPublisher, factory: PassFactory
) -> AsyncIterator[Shown]:
    """A view at the first pass, following Redis."""
    made = factory.count(factory.order())
    await publish(publisher, made)
    shown = Shown(redis_url, made)
    await shown.updater.load_if_needed()
    task = asyncio.create_task(shown.updater.run())
    await eventually(lambda: shown.updater.connected)
    yield shown
    await end(task)
    await shown.bus.close()


async def test_passes_that_follow_are_applied_without_postgresql(
    shown: Shown, publisher: RedisPublisher, factory: PassFactory
) -> None:
    shown.database.away = True
    for _ in range(3):
        made = factory.count(factory.order())
        await publish(publisher, made)
        await eventually(lambda: shown.shows(made))  # noqa: B023 (awaited at once)
    assert shown.view.confirmed


async def test_a_gap_is_filled_from_the_copy_while_postgresql_is_away_and_that_is_marked(
    shown: Shown, publisher: RedisPublisher, factory: PassFactory, redis_url: str
) -> None:
    before = shown.view.view.data_time
    shown.database.away = True
    factory.token = 2
    made = factory.count(factory.order(), wait=timedelta(seconds=1))
    await publish(publisher, made)
    await eventually(lambda: shown.shows(made))
    assert (shown.view.confirmed, shown.view.view.data_time) == (False, before)
    made = factory.count(factory.order(), wait=timedelta(seconds=1))
    await publish(publisher, made)
    await eventually(lambda: shown.shows(made))
    assert (shown.view.confirmed, shown.view.view.data_time) == (False, before)
    shown.database.away, shown.database.made = False, made
    clock = asyncio.create_task(shown.updater.follow_clock())
    await eventually(lambda: shown.view.confirmed)
    await end(clock)
    assert shown.view.view.data_time == made.message.data_time


async def test_a_copy_that_does_not_continue_what_is_shown_is_not_used(
    shown: Shown, publisher: RedisPublisher, factory: PassFactory, redis_url: str
) -> None:
    kept = dict(shown.view.view.cube.cells())
    shown.database.away = True
    factory.token = 2
    made = factory.count(factory.order(), wait=timedelta(seconds=1))
    narrow = replace(made.message, covers=Coverage(1 << 40, 1 << 40, 1 << 40))
    await publisher.publish(narrow, made.cube, made.recent)
    await eventually(lambda: not shown.view.confirmed)
    assert dict(shown.view.view.cube.cells()) == kept


async def test_the_updater_tells_of_another_lineage(
    shown: Shown, publisher: RedisPublisher, factory: PassFactory
) -> None:
    factory.token, factory.lineage = 2, "lineage-2"
    made = factory.count(factory.order(), wait=timedelta(seconds=1))
    shown.database.made = made
    assert shown.lineages == []
    await publish(publisher, made)
    await eventually(lambda: shown.shows(made))
    assert shown.lineages == ["lineage-2"]


async def test_what_is_committed_while_another_lineage_is_read_is_shown_before_the_next_pass(
    shown: Shown, publisher: RedisPublisher, factory: PassFactory
) -> None:
    factory.token, factory.lineage = 2, "lineage-2"
    made = factory.count(factory.order(), wait=timedelta(seconds=1))
    late, xid = factory.order(), Xid(made.message.parsed_watermark().xmax)
    shown.database.made = made
    shown.database.meanwhile.append(lambda: shown.updater.on_commit(xid, [late]))
    await publish(publisher, made)
    await eventually(lambda: shown.lineages == ["lineage-2"])
    shown.database.uncounted = PendingBatches.of({xid: tally_orders([late])})
    clock = asyncio.create_task(shown.updater.follow_clock())
    counted = made.cube.total("day").orders
    await eventually(lambda: shown.view.view.cube.total("day").orders == counted + 1)
    await end(clock)
