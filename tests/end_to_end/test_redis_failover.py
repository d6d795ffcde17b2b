"""The primary of a Sentinel's service, and the owner of our slot in a cluster, are lost twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import pytest

from coffeert.cancellation import end
from coffeert.client import DashboardFeed, Draft, OrderClient
from tests.end_to_end.ledger import Ledger, shows_all
from tests.end_to_end.processes import Shell
from tests.redis_groups import RedisGroup, cluster_of_three, watched_by_sentinels
from tests.waiting import eventually

LATTE = Draft(store="uptown", drink="latte")


@pytest.mark.long
@pytest.mark.parametrize("group", [watched_by_sentinels, cluster_of_three])
async def test_dashboards_of_another_server_move_again(
    directory: Path,
    database_url: str,
    books: Ledger,
    group: Callable[[Path], AbstractContextManager[RedisGroup]],
) -> None:
    with group(directory) as redis:
        shell = Shell(directory, {"database_url": database_url, "redis_url": redis.url})
        try:
            _, here = await shell.serve("--no-aggregator")
            _, there = await shell.serve()
            async with OrderClient(here) as client, DashboardFeed(there) as feed:
                for _ in range(2):
                    # Its own subscription, and the aggregator's passes, are those of the other server.
                    await eventually(lambda: feed.health and feed.health.redis.ok, within=30)
                    await _moves_after_a_kill(redis, client, feed)
                await eventually(lambda: feed.health and feed.health.redis.ok, within=30)
            for url in (here, there):
                await shows_all(url, books)
            verified = await shell.run("verify")
            assert verified.code == 0, verified.out
            assert not any("Traceback" in command.err for command in shell.commands)
        finally:
            shell.close()


async def _moves_after_a_kill(redis: RedisGroup, client: OrderClient, feed: DashboardFeed) -> None:
    async with _ordering(client) as placed:
        owner = redis.owner()
        await asyncio.to_thread(owner.kill)
        before = len(placed) + 1  # one may have been on its way
        # Orders that were placed here after the kill, shown there.
        await eventually(
            lambda: feed.view and placed[before:] and _shows(feed, placed[before:]), within=30
        )
    await asyncio.to_thread(owner.start)
    await eventually(redis.healthy, within=60)


def _shows(feed: DashboardFeed, placed: list[str]) -> bool:
    assert feed.view is not None
    return any(str(order.order_id) in placed for order in feed.view.recent)


@asynccontextmanager
async def _ordering(client: OrderClient) -> AsyncIterator[list[str]]:
    """Place an order every 50 ms; gives the growing list of their ids."""
    placed: list[str] = []

    async def order() -> None:
        while True:
            placed.append(str((await client.place(LATTE)).order.order_id))
            await asyncio.sleep(0.05)

    task = asyncio.create_task(order())
    try:
        yield placed
        assert not task.done(), task
    finally:
        await end(task)
