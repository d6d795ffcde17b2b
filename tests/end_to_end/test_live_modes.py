"""When an order shows: at once, or with the pass that counts it."""

from __future__ import annotations

import asyncio
import json

import pytest

from coffeert.client import Draft, OrderClient
from tests.end_to_end.ledger import Ledger
from tests.end_to_end.processes import Shell
from tests.end_to_end.watching import watching
from tests.waiting import eventually

LATTE = Draft(store="uptown", drink="latte", quantity=2)
SLOW = ("--aggregation-interval", "600")


@pytest.mark.long
async def test_live_orders_show_before_the_pass(shell: Shell, books: Ledger) -> None:
    # The other has no aggregator: what it shows before the pass it has heard from the first.
    (_, url), (_, other) = await asyncio.gather(
        shell.serve("--live-updates", "on", *SLOW), shell.serve("--no-aggregator", *SLOW)
    )
    async with watching(url) as feed, watching(other) as far, OrderClient(url) as client:
        await eventually(lambda: feed.health and feed.health.aggregator.passes == 1)
        await eventually(
            lambda: far.health and far.health.redis.ok and far.health.aggregator.passes
        )
        await client.place(LATTE)
        await eventually(lambda: feed.totals and feed.totals.minute.orders == 1)
        await eventually(lambda: far.totals and far.totals.minute.orders == 1)
        assert (await books.leader())[2] == 1


@pytest.mark.long
async def test_batch_orders_show_with_the_pass(shell: Shell, books: Ledger) -> None:
    _, url = await shell.serve("--live-updates", "off", *SLOW)
    async with watching(url) as feed, OrderClient(url) as client:
        await eventually(lambda: feed.health and feed.health.aggregator.passes == 1)
        for _ in range(3):
            await client.place(LATTE)
        beat = feed.health
        await eventually(lambda: feed.health is not beat)
        assert feed.health is not None
        assert not feed.health.live
        assert feed.totals is not None
        assert feed.totals.minute.orders == 0
        assert (await client.dashboard()).view.totals.day.orders == 0
        once = await shell.run("aggregate-once", "--json")
        assert json.loads(once.out)["rows"] == 3
        await eventually(lambda: feed.totals and feed.totals.minute.orders == 3)
        assert (await books.leader())[2] == 2
