"""The aggregator at work: at every interval, and through outages."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import pytest
from msgspec.structs import replace
from structlog.testing import CapturingLogger

from coffeert.aggregator import aggregator as module
from coffeert.cancellation import end
from coffeert.embedded import PostgresServer
from coffeert.errors import RedisUnavailable
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import Connection
from coffeert.postgres.rollups import load_snapshot
from coffeert.postgres.verification import rebuild, verify
from coffeert.redis_bus.bus import Bus
from coffeert.redis_bus.publisher import RedisPublisher
from tests.integration.aggregator.conftest import INTERVAL, StartAggregator
from tests.integration.aggregator.recorder import Recorder
from tests.order_book import insert, order
from tests.waiting import eventually


async def test_it_publishes_every_interval_even_when_nothing_changes(
    start: StartAggregator, recorder: Recorder
) -> None:
    aggregator, _ = start()
    await eventually(lambda: len(recorder.messages) >= 4)
    numbers = [message.number for message in recorder.messages]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    times = [message.data_time for message in recorder.messages]
    assert times == sorted(set(times))
    assert all(message.cells == [] for message in recorder.messages)
    assert {message.stats.leader for message in recorder.messages} == {"first"}
    assert {message.stats.interval_s for message in recorder.messages} == {INTERVAL}
    assert aggregator.status.role == "leading"
    assert aggregator.status.token == recorder.messages[0].token == 1


async def test_it_counts_orders_as_they_come(
    start: StartAggregator, recorder: Recorder, connection: Connection
) -> None:
    start()
    for count in range(1, 11):
        await insert(connection, order(datetime.now(UTC)))
        await eventually(partial(recorder.has_counted, count))
    snapshot = await load_snapshot(connection, datetime.now(UTC))
    assert recorder.cells == snapshot.cells
    assert recorder.recent == snapshot.recent
    assert (await verify(connection)).exact


async def test_what_it_publishes_is_what_a_reader_of_redis_finds(
    start: StartAggregator, connection: Connection, redis_url: str, opened: AsyncExitStack
) -> None:
    publisher, bus = RedisPublisher(redis_url), Bus(redis_url)
    opened.push_async_callback(publisher.close)
    opened.push_async_callback(bus.close)
    aggregator, task = start(publisher=publisher)
    await insert(connection, order(datetime.now(UTC)), order(datetime.now(UTC), drink="tea"))
    await eventually(lambda: aggregator.status.number > 2)
    await end(task)
    stored = await bus.load_snapshot()
    assert stored is not None
    snapshot, stats = stored
    assert stats.leader == "first"
    assert (await verify(connection)).exact
    if snapshot.number == await connection.fetchval("SELECT pass FROM aggregator_state"):
        loaded = await load_snapshot(connection, snapshot.data_time)
        assert snapshot == replace(loaded, calendars=None, next_xid=None)


async def test_it_goes_on_passing_while_redis_is_away(
    start: StartAggregator, recorder: Recorder, connection: Connection
) -> None:
    recorder.failure = RedisUnavailable("Redis is away.")
    aggregator, _ = start()
    await insert(connection, order())
    await eventually(lambda: aggregator.status.number >= 3)
    assert aggregator.status.redis_reason == "Redis is away."
    assert recorder.messages == []
    assert (await verify(connection)).orders == 1
    recorder.failure = None
    await eventually(lambda: recorder.messages)
    await eventually(lambda: aggregator.status.redis_reason is None)


async def test_a_redis_that_hangs_does_not_hold_it_up(
    start: StartAggregator, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coffeert.aggregator.aggregator._PUBLISH_TIMEOUT_SECONDS", 0.02)
    recorder.hangs = True
    aggregator, _ = start()
    await eventually(lambda: aggregator.status.number >= 3)
    assert aggregator.status.redis_reason == "Redis did not answer in time."


async def test_it_waits_for_a_rebuild_if_the_cluster_is_another(
    start: StartAggregator, recorder: Recorder, connection: Connection
) -> None:
    await insert(connection, order())
    await connection.execute("UPDATE aggregator_state SET system_identifier = 1")
    aggregator, _ = start()
    await eventually(lambda: aggregator.status.role == "failing")
    assert aggregator.status.reason is not None
    assert "another PostgreSQL cluster" in aggregator.status.reason
    result = await rebuild(connection)
    await eventually(lambda: recorder.messages)
    assert recorder.messages[0].lineage == result.lineage
    assert recorder.messages[0].number == result.number + 1
    assert (await verify(connection)).exact


async def test_a_rebuild_under_its_feet_only_costs_it_the_token(
    start: StartAggregator, recorder: Recorder, connection: Connection
) -> None:
    aggregator, _ = start()
    await insert(connection, order(datetime.now(UTC)))
    await eventually(lambda: recorder.cells)
    await connection.execute("UPDATE rollup_minute SET orders = 77")
    result = await rebuild(connection)
    await eventually(lambda: recorder.messages[-1].lineage == result.lineage)
    assert aggregator.status.token == 3  # its own first, the rebuild's, its own again
    assert {tally.orders for tally in recorder.cells.values()} == {1}
    assert (await verify(connection)).exact


async def test_it_waits_for_the_schema(
    start: StartAggregator, recorder: Recorder, empty_database_url: str
) -> None:
    aggregator, _ = start(url=empty_database_url)
    await eventually(lambda: aggregator.status.role == "failing")
    assert aggregator.status.reason is not None
    assert "coffeert migrate" in aggregator.status.reason
    await migrate(empty_database_url)
    await eventually(lambda: recorder.messages)


async def test_while_passes_fail_it_does_not_log_each_attempt(
    start: StartAggregator,
    recorder: Recorder,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(module, "log", log)
    await connection.execute(
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END';"
        "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON rollup_minute"
        " FOR EACH ROW EXECUTE FUNCTION fill()"
    )
    await insert(connection, order(datetime.now(UTC)))
    aggregator, _ = start()
    await eventually(lambda: aggregator._backoff.failures > 2)
    assert [call.args[0] for call in log.calls] == ["cannot aggregate"]
    await connection.execute("DROP TRIGGER full_disk ON rollup_minute")
    await eventually(lambda: recorder.messages)
    assert [call.args[0] for call in log.calls] == [
        "cannot aggregate",
        "leading",
        "can aggregate again",
    ]


async def test_it_comes_back_with_postgresql(
    start: StartAggregator, recorder: Recorder, own_postgres: PostgresServer
) -> None:
    await asyncio.to_thread(own_postgres.ensure_database, "shop")
    url = own_postgres.database_url("shop")
    await migrate(url)
    aggregator, _ = start(url=url)
    await eventually(lambda: recorder.messages)
    await asyncio.to_thread(own_postgres.stop, "immediate")
    await eventually(lambda: aggregator.status.role == "failing")
    seen = len(recorder.messages)
    await asyncio.to_thread(own_postgres.start)
    await eventually(lambda: len(recorder.messages) > seen)
    assert aggregator.status.role == "leading"
    assert recorder.messages[-1].number > recorder.messages[seen - 1].number
