"""Databases that have gone back in time or moved: another lineage, or a refusal until rebuilt."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis import Redis

from coffeert.aggregator.aggregation_pass import LeaderLease, run_pass
from coffeert.aggregator.aggregator import Aggregator
from coffeert.embedded import PostgresServer
from coffeert.errors import ClusterMismatch, DatabaseUnavailable
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.verification import rebuild, verify
from coffeert.redis_bus import keys
from coffeert.redis_bus.bus import Bus
from coffeert.redis_bus.publisher import RedisPublisher
from tests.integration.aggregator.conftest import StartAggregator
from tests.order_book import counted_cells, insert, kept_cells, order
from tests.servers import TestServers
from tests.standby import standby_of
from tests.waiting import eventually


@pytest.fixture
def ahead(redis_url: str) -> Iterator[Redis]:
    """A Redis that has seen later leaders of our lineage than the database knows of."""
    with Redis.from_url(redis_url) as redis:
        yield redis


async def test_a_redis_from_the_future_gets_a_new_lineage(
    start: StartAggregator,
    connection: Connection,
    ahead: Redis,
    redis_url: str,
    opened: AsyncExitStack,
) -> None:
    lineage = await connection.fetchval("SELECT lineage::text FROM aggregator_state")
    ahead.set(keys.fence(lineage), 100)
    publisher, bus = RedisPublisher(redis_url), Bus(redis_url)
    opened.push_async_callback(publisher.close)
    opened.push_async_callback(bus.close)
    aggregator, _ = start(publisher=publisher)
    await insert(connection, order(datetime.now(UTC)))
    await eventually(lambda: aggregator.status.number > 2 and not aggregator.status.redis_reason)
    stored = await bus.load_snapshot()
    assert stored is not None
    now = await connection.fetchval("SELECT lineage::text FROM aggregator_state")
    assert stored[0].lineage == now != lineage
    assert len(stored[0].cells) == 3
    assert aggregator.status.token == 1


async def test_cron_tells_a_redis_from_the_future_too(
    connection: Connection,
    ahead: Redis,
    redis_url: str,
    database_url: str,
    opened: AsyncExitStack,
) -> None:
    lineage = await connection.fetchval("SELECT lineage::text FROM aggregator_state")
    ahead.set(keys.fence(lineage), 100)
    await insert(connection, order(datetime.now(UTC)))
    publisher, bus = RedisPublisher(redis_url), Bus(redis_url)
    opened.push_async_callback(publisher.close)
    opened.push_async_callback(bus.close)
    cron = Aggregator(database_url, publisher, interval=60, name="cron")
    passed = await cron.once()
    stored = await bus.load_snapshot()
    assert stored is not None
    assert stored[0].lineage == passed.result.lineage != lineage
    assert stored[0].cells == dict(passed.projection.cube.cells())
    assert (await verify(connection)).exact


async def test_a_leader_that_misses_its_last_pass_begins_a_lineage(connection: Connection) -> None:
    """As after an earlier copy was put back, or a crash with commits that did not wait for the disk."""
    await insert(connection, order())
    first = (await run_pass(connection, None, LeaderLease())).result
    state = await connection.fetchrow("SELECT pass, watermark::text AS seen FROM aggregator_state")
    assert state is not None
    last = (await run_pass(connection, None, LeaderLease(), last=first)).result
    assert last.lineage == first.lineage
    await connection.execute(
        "UPDATE aggregator_state SET pass = $1, watermark = $2::text::pg_snapshot", *state
    )
    after = (await run_pass(connection, None, LeaderLease(), last=last)).result
    assert (after.lineage == last.lineage, after.nonce == last.nonce) == (False, False)
    again = (await run_pass(connection, None, LeaderLease(), last=after)).result
    assert again.lineage == after.lineage


@pytest.mark.long
async def test_a_standby_does_not_aggregate_and_begins_a_lineage_once_promoted(
    own_postgres: PostgresServer,
) -> None:
    await asyncio.to_thread(own_postgres.ensure_database, "shop")
    await migrate(own_postgres.database_url("shop"))
    primary = await connect(own_postgres.database_url("shop"), application_name="test")
    await insert(primary, order(), order())
    before = await run_pass(primary, None, LeaderLease())
    with standby_of(own_postgres) as streaming:
        standby = await connect(streaming.url("shop"), application_name="test")
        with pytest.raises(DatabaseUnavailable, match="the primary is needed"):
            await run_pass(standby, None, LeaderLease())
        assert (await verify(standby)).orders == 2
        await run_pass(primary, before.projection, LeaderLease())
        await close(primary)
        await standby.execute("SELECT pg_promote()")
        await insert(standby, order())
        after = await run_pass(standby, None, LeaderLease())
        assert after.result.lineage != before.result.lineage
        assert after.result.rows == 1
        again = await run_pass(standby, after.projection, LeaderLease())
        assert again.result.lineage == after.result.lineage
        assert await kept_cells(standby) == await counted_cells(standby)
        await close(standby)


async def test_a_dump_restored_on_another_cluster_is_refused_until_rebuilt(
    connection: Connection, database_url: str, servers: TestServers, own_postgres: PostgresServer
) -> None:
    await insert(connection, *(order() for _ in range(20)))
    await run_pass(connection, None, LeaderLease())
    await insert(connection, order(drink="tea"))
    await asyncio.to_thread(copy_database, servers.postgres, database_url, own_postgres)
    moved = await connect(own_postgres.database_url("moved"), application_name="test")
    with pytest.raises(ClusterMismatch):
        await run_pass(moved, None, LeaderLease())
    assert (await rebuild(moved)).orders == 21
    # On past the transaction ids that the orders had where they came from.
    theirs = await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())")
    while int(await moved.fetchval("SELECT pg_current_xact_id()")) <= int(theirs):
        pass
    await insert(moved, order())
    assert (await run_pass(moved, None, LeaderLease())).result.rows == 1
    assert (await verify(moved)).exact
    assert await kept_cells(moved) == await counted_cells(moved)
    with pytest.raises(asyncpg.RestrictViolationError):
        await moved.execute("UPDATE orders SET xid = '2'")
    await close(moved)


def copy_database(source: PostgresServer, url: str, target: PostgresServer) -> None:
    """Dump a database with PostgreSQL's own tool and restore it on another server as `moved`."""
    target.ensure_database("moved")
    account = target.directory.account
    name = urlsplit(url).path.strip("/")
    dump = source.directory.sockets / "moved.sql"
    reach: list[str | Path] = ["-U", "postgres", "-p", "5432", "-h"]
    taking: list[str | Path] = [
        source.program("pg_dump"),
        *reach,
        source.directory.sockets,
        "-f",
        dump,
        name,
    ]
    assert account.run(taking, timeout=60) == 0
    giving: list[str | Path] = [
        *reach,
        target.directory.sockets,
        "-d",
        "moved",
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        dump,
    ]
    assert account.run([target.program("psql"), "-Xq", *giving], timeout=60) == 0
