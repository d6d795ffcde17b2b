"""PgBouncer, as its package configures it, in front of PostgreSQL: all works, and nothing is left."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from coffeert.cancellation import end
from coffeert.errors import ConfigError, DatabaseUnavailable
from coffeert.postgres.connecting import has_session
from coffeert.postgres.imports import begin_session
from coffeert.postgres.menu import retire_drink
from coffeert.postgres.migrations import migrate
from coffeert.postgres.orders import CommitUnknown, NotStored, OrderRepository
from coffeert.postgres.pool import Connection, close, connect, open_pool
from coffeert.postgres.verification import verify
from tests.integration.aggregator.conftest import StartAggregator
from tests.integration.aggregator.recorder import Recorder
from tests.integration.server.conftest import RunServer
from tests.order_book import counted_cells, insert, kept_cells, order
from tests.pgbouncer import PgBouncer, needs_pgbouncer
from tests.servers import TestServers
from tests.waiting import POLL, WITHIN, eventually

pytestmark = needs_pgbouncer

SETTINGS = (
    "enable_seqscan", "idle_in_transaction_session_timeout", "idle_session_timeout", "jit",
    "lock_timeout", "plan_cache_mode", "statement_timeout", "synchronous_commit", "work_mem",
)  # fmt: skip
READ_SETTINGS = (
    f"SELECT name, setting FROM pg_settings WHERE name = ANY ('{{{','.join(SETTINGS)}}}')"
)
ADVISORY_LOCKS = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_the_mode_of_a_pooler_is_found(
    database_url: str, session_pooler: PgBouncer, transaction_pooler: PgBouncer, database: str
) -> None:
    found = {}
    for url in (database_url, session_pooler.url(database), transaction_pooler.url(database)):
        connection = await connect(url, application_name="test")
        found[url] = has_session(connection)
        await close(connection)
    assert list(found.values()) == [True, True, False]


@pytest.mark.parametrize("parameter", ["pgbouncer=true", "pool_mode=transaction"])
async def test_a_url_that_says_so_is_believed(database_url: str, parameter: str) -> None:
    connection = await connect(f"{database_url}&{parameter}", application_name="test")
    assert not has_session(connection)
    await close(connection)


async def test_a_session_behind_a_pooler_has_its_settings(
    session_pooler: PgBouncer, database: str, servers: TestServers
) -> None:
    servers.postgres.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    connection = await connect(session_pooler.url(database), application_name="test")
    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    assert await connection.fetchval("SHOW jit") == "off"
    await close(connection)


async def test_migrating_by_way_of_a_pooler(
    transaction_pooler: PgBouncer, empty_database_url: str
) -> None:
    url = transaction_pooler.url(urlsplit(empty_database_url).path.removeprefix("/"))
    assert await migrate(url)
    assert await migrate(url) == []
    connection = await connect(empty_database_url, application_name="test")
    assert await connection.fetchval(ADVISORY_LOCKS) == 0
    await close(connection)


async def test_an_import_says_what_it_needs(pooled: Connection) -> None:
    with pytest.raises(ConfigError, match=r"needs a session of its own.*transaction mode"):
        await begin_session(pooled)


async def test_an_insert_waits_for_the_disk_whatever_the_database_says(
    pooled_url: str, connection: Connection, database: str, opened: AsyncExitStack
) -> None:
    await connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    await connection.execute(
        "CREATE TABLE used (setting text);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO used VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER note AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION note()"
    )
    pool = await open_pool(pooled_url, size=2, application_name="test")
    opened.push_async_callback(pool.close)
    assert (await OrderRepository(pool).insert([order()])).new == 1
    assert await connection.fetchval("SELECT setting FROM used") == "on"


async def test_two_aggregators_under_load_leave_nothing_behind(
    pooler: PgBouncer, database: str, start: StartAggregator, recorder: Recorder,
    connection: Connection,
) -> None:  # fmt: skip
    await _lead_under_load(pooler.url(database), start, recorder, connection, seconds=1.5)


@pytest.mark.long
async def test_one_leads_for_a_minute(
    pooler: PgBouncer, database: str, start: StartAggregator, recorder: Recorder,
    connection: Connection,
) -> None:  # fmt: skip
    await _lead_under_load(pooler.url(database), start, recorder, connection, seconds=60)


async def _lead_under_load(
    url: str,
    start: StartAggregator,
    recorder: Recorder,
    connection: Connection,
    *,
    seconds: float,
) -> None:
    usual = {
        row[0]: row[1] for row in await connection.fetch("SELECT name, reset_val FROM pg_settings")
    }
    first, leading = start("first", url=url)
    await eventually(lambda: first.status.role == "leading")
    second, standing_by = start("second", url=url)
    await eventually(lambda: second.status.role == "standing by")
    pool = await open_pool(url, size=4, application_name="test")
    table, stored = OrderRepository(pool, max_idle=2), 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        batches = [table.insert([order() for _ in range(5)]) for _ in range(4)]
        stored += sum(inserted.new for inserted in await asyncio.gather(*batches))
    await eventually(lambda: recorder.has_counted(stored))
    assert {message.token for message in recorder.messages} == {1}
    assert (first.status.role, second.status.role) == ("leading", "standing by")
    pool.terminate()
    await end(leading)
    await end(standing_by)
    assert (await verify(connection)).exact
    assert await connection.fetchval(ADVISORY_LOCKS) == 0
    for settings in await _settings_of_all_sessions(url):
        assert settings == {name: usual[name] for name in SETTINGS}


async def _settings_of_all_sessions(url: str) -> list[dict[str, str]]:
    """The settings of as many sessions of the pool as there can be at once."""
    clients = [await asyncpg.connect(url, statement_cache_size=0) for _ in range(5)]
    try:
        for client in clients:
            await client.execute("BEGIN")
        return [{row[0]: row[1] for row in await client.fetch(READ_SETTINGS)} for client in clients]
    finally:
        for client in clients:
            client.terminate()


async def test_killing_the_pooler_heals(
    pooler: PgBouncer, database: str, start: StartAggregator, recorder: Recorder,
    connection: Connection, opened: AsyncExitStack,
) -> None:  # fmt: skip
    aggregator, _ = start("first", url=pooler.url(database))
    pool = await open_pool(pooler.url(database), size=2, application_name="test")
    opened.callback(pool.terminate)
    table, orders = OrderRepository(pool, max_idle=1), [order() for _ in range(20)]
    await table.insert(orders[:10])
    await eventually(lambda: recorder.has_counted(10))
    pooler.kill()
    with pytest.raises((NotStored, CommitUnknown)):
        await table.insert(orders[10:])
    await eventually(lambda: aggregator.status.role == "failing")
    pooler.start()
    async with asyncio.timeout(WITHIN):
        while True:
            with suppress(DatabaseUnavailable):
                await table.insert(orders[10:])
                break
            await asyncio.sleep(POLL)
    await eventually(lambda: recorder.has_counted(20))
    assert await kept_cells(connection) == await counted_cells(connection)


async def test_a_server_says_that_a_pooler_stands_before_its_database(
    pooled_url: str, run_server: RunServer, connection: Connection
) -> None:
    async with run_server(database=pooled_url) as url, aiohttp.ClientSession(url) as http:
        async with http.post("/api/orders", json={"store": "uptown", "drink": "tea"}) as response:
            assert response.status == 201
        async with http.get("/readyz") as response:
            assert (await response.json())["parts"]["database"]["pooler"] == "transaction"
        for path in ("/api/orders", "/api/report?period=today", "/api/activity"):
            async with http.get(path) as response:
                assert response.status == 200, path


@pytest.mark.long  # nobody tells of a change: it is asked for every five seconds
async def test_the_menu_is_followed_without_a_session(
    pooled_url: str, run_server: RunServer, connection: Connection
) -> None:
    async with run_server(database=pooled_url) as url, aiohttp.ClientSession(url) as http:
        await retire_drink(connection, "tea")
        async with asyncio.timeout(WITHIN):
            while True:
                async with http.get("/api/menu") as response:
                    if "tea" not in {drink["code"] for drink in (await response.json())["drinks"]}:
                        break
                await asyncio.sleep(POLL)


async def test_the_reason_of_the_pooler_is_told(
    transaction_pooler: PgBouncer, database: str
) -> None:
    url = f"{transaction_pooler.url(database)}?options=-c%20geqo=off"
    with pytest.raises(DatabaseUnavailable, match="unsupported startup parameter: options"):
        await connect(url, application_name="test")


async def test_a_leader_by_lease_that_stops_hands_over_at_once(
    pooled_url: str, start: StartAggregator, connection: Connection
) -> None:
    first, task = start("first", url=pooled_url, interval=60)
    await eventually(lambda: first.status.role == "leading")
    second, _ = start("second", url=pooled_url)
    await eventually(lambda: second.status.role == "standing by")
    task.cancel()
    await eventually(lambda: second.status.role == "leading", within=2.5)
    await insert(connection, order())
    await eventually(lambda: second.status.rows == 1)
