"""Redis and PostgreSQL go away while people order and watch: no wrong number, nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis

from coffeert.client import DashboardFeed, Draft, OrderClient
from coffeert.embedded import PostgresServer, ValkeyServer
from coffeert.errors import Unavailable
from coffeert.redis_bus.bus import Bus
from tests.end_to_end.ledger import Ledger, feed_cells, ledger, shows_all
from tests.end_to_end.processes import Shell
from tests.end_to_end.watching import watching
from tests.waiting import eventually

LATTE = Draft(store="uptown", drink="latte")


@pytest.fixture
def valkey_shell(directory: Path, database_url: str, own_valkey: ValkeyServer) -> Iterator[Shell]:
    """Runs commands on a Valkey of the test's own."""
    shell = Shell(directory, {"database_url": database_url, "redis_url": own_valkey.url})
    yield shell
    shell.close()


@pytest.mark.long
async def test_a_flush_heals_within_two_passes(shell: Shell, books: Ledger, redis_url: str) -> None:
    _, url = await shell.serve()
    async with watching(url) as feed, Redis.from_url(redis_url) as redis, _bus(redis_url) as bus:
        injector = shell.start("inject", "--url", url, "--rate", "100", "--duration", "2s")
        for _ in range(2):
            await eventually(partial(_moved_on, feed, feed.version))
            await redis.flushall()
            _, _, before = await books.leader()
            now = before
            # Asked in this order it holds however long this process has to wait between the two.
            while await bus.load_snapshot() is None:
                assert now <= before + 2
                _, _, now = await books.leader()
        assert (await injector.ended()).code == 0
        await shows_all(url, books)
        truth = await books.cells()
        await eventually(lambda: feed_cells(feed) == truth)
        # Whoever starts now begins with what was written again.
        _, other = await shell.serve("--no-aggregator")
        await shows_all(other, books)


@pytest.mark.long
async def test_redis_dies_and_comes_back(
    valkey_shell: Shell, books: Ledger, own_valkey: ValkeyServer
) -> None:
    _, url = await valkey_shell.serve()
    injector = valkey_shell.start(
        "inject", "--url", url, "--rate", "100", "--duration", "4s", "--json"
    )
    async with watching(url) as feed, OrderClient(url) as client:
        await eventually(lambda: feed.health and feed.health.redis.ok and feed.version > 5)
        pid = own_valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: feed.health and not feed.health.redis.ok)
        placed = await client.place(LATTE)
        await eventually(lambda: feed.view and placed.order in feed.view.recent[:50])
        await asyncio.to_thread(own_valkey.start)
        await eventually(lambda: feed.health and feed.health.redis.ok)
        injected = json.loads((await injector.ended()).out)
        assert injected["accepted"] + injected["replayed"] == injected["sent"]
        assert await books.count() == injected["sent"] + 1
        await shows_all(url, books)
        truth = await books.cells()
        await eventually(lambda: feed_cells(feed) == truth)
    assert (await valkey_shell.run("verify")).code == 0


@pytest.mark.long
async def test_postgres_crashes_under_load(
    directory: Path, own_postgres: PostgresServer, redis_url: str
) -> None:
    own_postgres.ensure_database("shop")
    address = own_postgres.database_url("shop")
    shell = Shell(directory, {"database_url": address, "redis_url": redis_url})
    try:
        assert (await shell.run("migrate")).code == 0
        _, url = await shell.serve()
        options = ("--rate", "200", "--duration", "3s", "--seed", "3", "--json")
        injector = shell.start("inject", "--url", url, *options)
        async with watching(url) as feed, OrderClient(url, patience=0) as client:
            await eventually(lambda: feed.health and feed.health.intake.accepted > 100)
            await asyncio.to_thread(own_postgres.stop, "immediate")
            with pytest.raises(Unavailable) as refused:
                await client.place(LATTE)
            assert refused.value.retry_after is not None
            await eventually(lambda: feed.health and not feed.health.database.ok)
            # The last picture is still served, and says how old it is.
            assert (await client.dashboard()).view.totals.day.orders > 0
            await asyncio.to_thread(own_postgres.start)
            await eventually(lambda: feed.health and feed.health.database.ok)
            injected = await injector.ended()
            assert injected.code == 0, injected.err
            report = json.loads(injected.out)
            assert report["accepted"] + report["replayed"] == report["sent"]
            async with ledger(address) as books:
                assert await books.count() == report["sent"]
                await shows_all(url, books)
                truth = await books.cells()
            await eventually(lambda: feed_cells(feed) == truth)
        assert (await shell.run("verify")).code == 0
    finally:
        shell.close()


def _moved_on(feed: DashboardFeed, version: int) -> bool:
    return feed.version > version + 5


@asynccontextmanager
async def _bus(url: str) -> AsyncIterator[Bus]:
    bus = Bus(url)
    try:
        yield bus
    finally:
        await bus.close()
