"""Who leads: one at a time, another when the leader dies or freezes, and never a stale one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from coffeert.cancellation import end
from coffeert.postgres import leadership
from coffeert.postgres.leadership import end_stalled, try_lead
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.verification import verify
from tests.integration.aggregator.conftest import StartAggregator
from tests.integration.aggregator.recorder import Recorder
from tests.order_book import counted_cells, insert, kept_cells, order
from tests.waiting import eventually

LEADERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'coffeert aggregator'"
HOLD_LEAD = f"SELECT pg_advisory_lock({leadership._LOCK})"
HOLD_STATE = "SELECT FROM aggregator_state FOR UPDATE"
TERM_OVER = "UPDATE aggregator_state SET lead_until = clock_timestamp() - interval '1 second'"
TERM_RUNS = "UPDATE aggregator_state SET lead_until = clock_timestamp() + interval '1 minute'"


async def test_one_leads_and_the_other_takes_over_when_its_connection_dies(
    start: StartAggregator, recorder: Recorder, connection: Connection
) -> None:
    first, _ = start("first")
    await eventually(lambda: first.status.role == "leading")
    leader_pid = await connection.fetchval(LEADERS)
    second, _ = start("second")
    await eventually(lambda: second.status.role == "standing by")
    await insert(connection, order())
    await connection.execute("SELECT pg_terminate_backend($1)", leader_pid)
    await eventually(lambda: second.status.role == "leading" or first.status.token == 2)
    await insert(connection, order())
    await eventually(lambda: recorder.has_counted(2))
    tokens = [message.token for message in recorder.messages]
    assert tokens == sorted(tokens)
    assert set(tokens) == {1, 2}
    numbers = [message.number for message in recorder.messages]
    assert numbers == list(range(1, len(numbers) + 1))
    assert await kept_cells(connection) == await counted_cells(connection)


async def test_the_other_takes_over_when_the_leader_stops(
    start: StartAggregator, connection: Connection
) -> None:
    first, task = start("first")
    await eventually(lambda: first.status.role == "leading")
    second, _ = start("second")
    await eventually(lambda: second.status.role == "standing by")
    await end(task)
    await eventually(lambda: second.status.role == "leading")
    assert second.status.token == first.status.token + 1
    leader = await connection.fetchval("SELECT leader FROM aggregator_state")
    assert leader == "second"


async def test_one_that_stood_by_during_a_migration_does_not_lead(
    start: StartAggregator, recorder: Recorder, connection: Connection
) -> None:
    await connection.execute(HOLD_LEAD)
    aggregator, _ = start()
    await eventually(lambda: aggregator.status.role == "standing by")
    await connection.execute(
        "INSERT INTO coffeert_migrations (name, sha256) VALUES ('9999_later', '')"
    )
    await connection.execute(f"SELECT pg_advisory_unlock({leadership._LOCK})")
    await eventually(lambda: "9999_later" in str(aggregator.status.reason))
    assert aggregator.status.role == "failing"
    assert recorder.messages == []


@pytest.mark.long
async def test_a_leader_frozen_in_a_transaction_on_the_state_row_is_ended(
    start: StartAggregator, recorder: Recorder, connection: Connection, database_url: str
) -> None:
    """The hardest place to freeze, and without the timeouts that our own sessions set."""
    await insert(connection, order())
    frozen = await connect(database_url, application_name="frozen")
    await frozen.execute(HOLD_LEAD)
    await frozen.execute(TERM_OVER)
    await frozen.execute("BEGIN")
    await frozen.execute(HOLD_STATE)
    second, _ = start("second")
    await eventually(lambda: second.status.role == "standing by")
    await eventually(lambda: second.status.role == "leading")
    assert frozen.is_closed()
    assert recorder.has_counted(1)
    assert (await verify(connection)).exact


@asynccontextmanager
async def a_process(url: str, redis_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coffeert", "aggregate", "--aggregation-interval", "0.1",
        env=os.environ | {"COFFEERT_DATABASE_URL": url, "COFFEERT_REDIS_URL": redis_url},
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.long
async def test_a_stopped_process_loses_the_lead_and_stands_by_when_it_wakes(
    start: StartAggregator,
    recorder: Recorder,
    connection: Connection,
    database_url: str,
    redis_url: str,
) -> None:
    async def leader() -> str:
        name: str = await connection.fetchval("SELECT leader FROM aggregator_state")
        return name

    async with a_process(database_url, redis_url) as process:
        while not (name := await leader()):
            await asyncio.sleep(0.02)
        await insert(connection, order(datetime.now(UTC)))
        process.send_signal(signal.SIGSTOP)
        second, task = start("second")
        await eventually(lambda: second.status.role == "leading")
        await insert(connection, order(datetime.now(UTC)))
        process.send_signal(signal.SIGCONT)
        # Awake, it finds its session gone and asks for the lead again, over a new one.
        while await connection.fetchval(f"SELECT count(*) FROM ({LEADERS}) AS sessions") < 2:
            await asyncio.sleep(0.02)
        seen = second.status.number
        await eventually(lambda: second.status.number > seen + 3)
        assert await leader() == "second"
        numbers = [message.number for message in recorder.messages]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        await end(task)
        while await leader() != name:
            await asyncio.sleep(0.02)
        process.terminate()
        assert await process.wait() == 0
    assert (await verify(connection)).exact
    assert await kept_cells(connection) == await counted_cells(connection)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Connection]:
    """The session of somebody who may have frozen."""
    connection = await connect(database_url, application_name="other")
    yield connection
    connection.terminate()


@pytest.mark.parametrize(
    "doing",
    [
        [TERM_OVER, HOLD_LEAD],
        [TERM_RUNS, HOLD_LEAD, "BEGIN", HOLD_STATE],
        ["BEGIN", "UPDATE aggregator_state SET leader = leader"],
        ["BEGIN", "SELECT FROM feed_state FOR UPDATE"],
    ],
    ids=["leader past its term", "leader in a transaction", "in a transaction", "in a tick"],
)
async def test_a_session_that_holds_up_the_others_is_ended(
    connection: Connection, other: Connection, doing: list[str]
) -> None:
    for statement in doing:
        await other.execute(statement)
    assert await end_stalled(connection, silence=60) == 0
    assert await _ended(connection, other)


@pytest.mark.parametrize(
    "doing",
    [
        [TERM_RUNS, HOLD_LEAD],
        ["BEGIN", "SELECT FROM aggregator_state"],
        ["BEGIN", "LOCK TABLE orders IN ROW EXCLUSIVE MODE"],
        ["SELECT pg_advisory_lock(1)"],
        [HOLD_STATE],
    ],
    ids=["leader in its term", "reader", "writer", "other lock", "idle"],
)
async def test_a_session_that_holds_up_nobody_is_left_alone(
    connection: Connection, other: Connection, doing: list[str]
) -> None:
    for statement in doing:
        await other.execute(statement)
    assert not await _ended(connection, other)
    assert await other.fetchval("SELECT 1") == 1


async def test_a_session_at_work_is_left_alone_however_long_it_takes(
    connection: Connection, other: Connection
) -> None:
    await other.execute(f"{TERM_OVER}; {HOLD_LEAD}")
    await other.execute("BEGIN")
    await other.execute(HOLD_STATE)
    await connection.execute("SELECT pg_advisory_lock(1)")
    work = asyncio.create_task(other.fetchval("SELECT pg_advisory_lock(1)"))
    pid = other.get_server_pid()
    while not await connection.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):
        pass
    assert not await _ended(connection, other)
    await connection.execute("SELECT pg_advisory_unlock(1)")
    await work


@pytest.mark.parametrize("waits", ["ClientWrite", "ClientRead"])
async def test_a_session_frozen_in_the_middle_of_a_statement_is_ended(
    connection: Connection, other: Connection, waits: str
) -> None:
    """PostgreSQL calls it active: it has more to send, or a statement prepared and not yet run."""
    await other.execute("BEGIN")
    await other.execute(HOLD_STATE)
    flood = await other.prepare("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)")
    transport: asyncio.Transport = cast(Any, other)._transport
    transport.pause_reading()  # as a frozen client does
    statement = flood.fetch() if waits == "ClientWrite" else other.fetch("SELECT 'not seen before'")
    running = asyncio.create_task(statement)
    while await _session(connection, other) != ("active", waits):
        await asyncio.sleep(0.01)
    assert await _ended(connection, other)
    other.terminate()
    await asyncio.wait([running])
    assert running.exception() is not None


async def _session(connection: Connection, other: Connection) -> tuple[str, str]:
    row = await connection.fetchrow(
        "SELECT state, wait_event FROM pg_stat_activity WHERE pid = $1", other.get_server_pid()
    )
    assert row is not None
    return row["state"], row["wait_event"]


async def _ended(connection: Connection, other: Connection) -> bool:
    """Whether the other session is ended for being silent since now."""
    pid = other.get_server_pid()
    silent = "SELECT state_change < clock_timestamp() - interval '20 ms' FROM pg_stat_activity"
    while not await connection.fetchval(f"{silent} WHERE pid = $1", pid):
        await asyncio.sleep(0.005)
    if await end_stalled(connection, silence=0.02) == 0:
        return False
    while await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid):
        await asyncio.sleep(0.005)
    return True


async def test_the_leaders_session_ends_by_itself_when_it_falls_silent(
    connection: Connection,
) -> None:
    assert await try_lead(connection, name="leader", interval=10) == 1
    for setting in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
        assert await connection.fetchval(f"SHOW {setting}") == "30s"
    until = await connection.fetchval("SELECT lead_until - now() FROM aggregator_state")
    assert 25 < until.total_seconds() < 31
