"""One pass for cron, alone and beside a running aggregator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from coffeert.aggregator.aggregator import Aggregator
from coffeert.cancellation import end
from coffeert.cli import cli, run
from coffeert.domain.orders import Order
from coffeert.domain.rollup_cube import RollupCube
from coffeert.errors import RedisUnavailable
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.rollups import load_snapshot
from coffeert.postgres.verification import verify
from coffeert.redis_bus.bus import Bus
from coffeert.redis_bus.publisher import RedisPublisher
from coffeert.wire.bus import PassMessage
from tests.integration.aggregator.conftest import StartAggregator
from tests.integration.aggregator.recorder import Recorder
from tests.order_book import counted_cells, insert, kept_cells, order
from tests.waiting import eventually


@pytest.fixture
def cron(database_url: str) -> Callable[..., Aggregator]:
    """Makes an aggregator for one pass."""

    def make(publisher: RedisPublisher | Recorder) -> Aggregator:
        return Aggregator(database_url, publisher, interval=60, name="cron")

    return make


class Counting(RedisPublisher):
    """Knows how many of the passes that it has published had new orders."""

    passes = 0

    async def publish(
        self, message: PassMessage, cube: RollupCube, recent: tuple[Order, ...]
    ) -> None:
        await super().publish(message, cube, recent)
        self.passes += message.stats.rows > 0


async def test_alone_it_counts_and_publishes(
    cron: Callable[..., Aggregator], recorder: Recorder, connection: Connection
) -> None:
    await insert(connection, order(datetime.now(UTC)))
    passed = await cron(recorder).once()
    assert (passed.result.number, passed.result.rows, passed.result.token) == (1, 1, 0)
    assert recorder.messages[0].stats.leader == "cron"
    assert len(recorder.cells) == 3
    assert (await cron(recorder).once()).result.rows == 0
    assert await connection.fetchval("SELECT leader FROM aggregator_state") == ""


async def test_beside_a_running_one_it_loses_nothing_and_counts_nothing_twice(
    cron: Callable[..., Aggregator],
    start: StartAggregator,
    connection: Connection,
    redis_url: str,
    opened: AsyncExitStack,
) -> None:
    own, beside, bus = Counting(redis_url), Counting(redis_url), Bus(redis_url)
    for link in (own, beside, bus):
        opened.push_async_callback(link.close)
    running, task = start(publisher=own)
    await eventually(lambda: running.status.role == "leading")
    both_counted = asyncio.Event()

    async def write() -> None:
        while not both_counted.is_set():
            await insert(connection, order(datetime.now(UTC)))

    async def pass_often() -> None:
        while not both_counted.is_set():
            await cron(beside).once()

    busy = asyncio.gather(write(), pass_often())
    try:
        await eventually(lambda: busy.done() or min(own.passes, beside.passes) >= 5)
    finally:
        both_counted.set()
        await busy
    await eventually(lambda: running.status.rows == 0)
    assert running.status.role == "leading"
    assert running.status.token == 1  # cron did not take the lead
    # The running one's own projection, which it publishes, is right although others have passed.
    seen = running.status.number
    await eventually(lambda: running.status.number > seen + 2)
    await end(task)
    stored = await bus.load_snapshot()
    assert stored is not None
    assert stored[1].leader == "first"
    snapshot = await load_snapshot(connection, stored[0].data_time)
    assert stored[0].cells == snapshot.cells
    assert (await verify(connection)).exact
    assert await kept_cells(connection) == await counted_cells(connection)


async def test_an_unreachable_redis_is_reported_after_the_pass(
    cron: Callable[..., Aggregator], recorder: Recorder, connection: Connection
) -> None:
    await insert(connection, order())
    recorder.failure = RedisUnavailable("Redis is away.")
    with pytest.raises(RedisUnavailable):
        await cron(recorder).once()
    assert (await verify(connection)).orders == 1


def test_the_command_says_what_it_did(
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def place(count: int) -> None:
        connection = await connect(database_url, application_name="test")
        await insert(connection, *(order(datetime.now(UTC)) for _ in range(count)))
        await connection.close()

    monkeypatch.setenv("COFFEERT_DATABASE_URL", database_url)
    monkeypatch.setenv("COFFEERT_REDIS_URL", redis_url)
    asyncio.run(place(3))
    assert run(cli, ["aggregate-once"]) == 0
    assert capsys.readouterr().out.startswith("pass 1: 3 new orders in 3 cells, ")
    asyncio.run(place(2))
    assert run(cli, ["aggregate-once", "--json", "--timezone", "Asia/Kolkata"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["number"], report["rows"], report["cells"]) == (2, 2, 3)
    assert report["milliseconds"] > 0
    assert report["watermark"].count(":") == 2


def test_the_command_tells_in_a_sentence_what_is_away(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COFFEERT_REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    monkeypatch.setenv("COFFEERT_DATABASE_URL", database_url)
    assert run(cli, ["aggregate-once"]) == 3
    assert capsys.readouterr().err.startswith("coffeert: Redis cannot be used")
    monkeypatch.setenv("COFFEERT_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/none")
    assert run(cli, ["aggregate-once"]) == 3
    printed = capsys.readouterr().err
    assert printed == "coffeert: PostgreSQL cannot be reached: connection refused.\n"
