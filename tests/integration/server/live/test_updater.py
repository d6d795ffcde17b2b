"""Servers show right numbers from the start on, and whatever was written into Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from redis import Redis

from coffeert.wire.frames import Snapshot
from tests.integration.server.conftest import RunServer
from tests.integration.server.live.dashboards import place, shows, view
from tests.waiting import POLL, WITHIN

LONG_AGO = timedelta(days=3)


def _old_bucket() -> str:
    # No later order falls into it, so no pass writes it again.
    return f"day:{datetime.now(UTC) - LONG_AGO:%Y-%m-%d}"


def _spoil_an_old_bucket(redis: Any) -> None:
    assert redis.hset("{coffeert}:v3:snapshot", _old_bucket(), "x") == 0


def _replace_the_snapshot(redis: Any) -> None:
    redis.delete("{coffeert}:v3:snapshot")
    redis.set("{coffeert}:v3:snapshot", "x")


@pytest.mark.parametrize("damage", [_spoil_an_old_bucket, _replace_the_snapshot])
async def test_servers_that_missed_passes_recover_from_damage(
    run_server: RunServer, redis_url: str, damage: Callable[[Any], None]
) -> None:
    async with (
        run_server(live_updates=False) as url,
        run_server(live_updates=False, run_aggregator=False) as other,
        aiohttp.ClientSession() as http,
    ):
        await _order(http, url, "latte", placed_at=(datetime.now(UTC) - LONG_AGO).isoformat())
        await _shown(http, other, 1)
        with Redis.from_url(redis_url) as redis:
            await _written(redis)
            damage(redis)
            # Both lose their subscriptions, miss passes, and find the damage when they are back.
            redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await _order(http, url, "tea")
        for address in (url, other):
            await _shown(http, address, 2)


async def test_a_server_starts_with_the_orders_that_no_pass_has_counted(
    run_server: RunServer,
) -> None:
    async with aiohttp.ClientSession() as http:
        async with run_server(live_updates=False) as url:  # so shown is counted
            await place(http, url, 2)
            await shows(http, url, 2)
        async with run_server(run_aggregator=False) as url:
            await place(http, url, 3)
            await shows(http, url, 5)
            async with run_server(run_aggregator=False) as other:
                frame = await view(http, other)
        async with run_server(run_aggregator=False) as url:
            again = await view(http, url)
            async with run_server(live_updates=False, run_aggregator=False) as other:
                unlike = await view(http, other)
            async with run_server():
                await shows(http, url, 5)  # and a pass that counts them counts them once
                await place(http, url, 1)
                await shows(http, url, 6)
    for one in (frame, again):
        assert (one.view.totals.day.orders, len(one.view.recent)) == (5, 5)
    assert (unlike.view.totals.day.orders, len(unlike.view.recent)) == (2, 2)


async def _written(redis: Any) -> None:
    # A server's first snapshot comes from PostgreSQL, which has a pass before Redis does.
    async with asyncio.timeout(WITHIN):
        while not redis.hexists("{coffeert}:v3:snapshot", _old_bucket()):
            await asyncio.sleep(POLL)


async def _order(http: aiohttp.ClientSession, url: str, drink: str, **more: str) -> None:
    order = {"store": "uptown", "drink": drink, **more}
    async with http.post(f"{url}/api/orders", json=order) as response:
        assert response.status == 201


async def _shown(http: aiohttp.ClientSession, url: str, orders: int) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            async with http.get(f"{url}/api/dashboard") as response:
                frame = msgspec.json.decode(await response.read(), type=Snapshot)
            if frame.view.totals.day.orders == orders:
                return
            await asyncio.sleep(POLL)
