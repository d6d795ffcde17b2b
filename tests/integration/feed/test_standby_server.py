"""Nobody who reads waits for passes: not who begins, and not at a server on a standby."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import asyncpg
import pytest

from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from tests.integration.server.conftest import RunServer
from tests.integration.server.http.test_feed import place
from tests.standby import standby_of
from tests.waiting import POLL, WITHIN

INTERVAL = 10.0
"""Between two passes, in seconds: longer than anything below may take."""


async def passes(shop: aiohttp.ClientSession) -> int:
    """How many passes have been made."""
    async with shop.get("/readyz") as response:
        parts = (await response.json())["parts"]
        return int(parts.get("aggregator", {}).get("passes", 0))


async def times_to_read(place_at: str, read_at: str) -> list[float]:
    """Place four orders, one after another, and time how long a reader that waits for each waits."""
    loop = asyncio.get_running_loop()
    cursor, times = "beginning", list[float]()
    async with aiohttp.ClientSession(place_at) as shop, aiohttp.ClientSession(read_at) as feed:

        async def read(after: str) -> tuple[int, str]:
            query = f"/api/feed?format=ndjson&wait=30s&after={after}"
            async with feed.get(query) as response:
                assert response.status == 200
                body = await response.read()
                return len(body.splitlines()), response.headers["Coffeert-Cursor"]

        async with asyncio.timeout(WITHIN):
            while not await passes(shop):
                await asyncio.sleep(POLL)
        for number in range(4):
            reading = asyncio.create_task(read(cursor))
            await place(shop, f"order-{number}")
            placed = loop.time()
            async with asyncio.timeout(WITHIN):
                found, cursor = await reading
            assert found == 1
            times.append(loop.time() - placed)
    return times


@pytest.mark.long
async def test_who_begins_to_read_does_not_wait_for_the_next_pass(run_server: RunServer) -> None:
    async with run_server(aggregation_interval=INTERVAL) as url:
        times = await times_to_read(url, url)
    assert sum(times) < INTERVAL / 2


@pytest.mark.long
async def test_ticks_are_made_for_those_who_read_at_a_standby(
    own_postgres: PostgresServer, run_server: RunServer, opened: AsyncExitStack
) -> None:
    own_postgres.ensure_database("shop")
    url = own_postgres.database_url("shop")
    await migrate(url)
    standby = opened.enter_context(standby_of(own_postgres))
    async with (
        run_server(database=url, aggregation_interval=INTERVAL) as primary,
        run_server(database=standby.url("shop"), run_aggregator=False) as replica,
    ):
        times = await times_to_read(primary, replica)
        database = await asyncpg.connect(url)
        assert await database.fetchval("SELECT wanted_until < now() FROM feed_state")
        await database.close()
    assert sum(times) < INTERVAL / 2
