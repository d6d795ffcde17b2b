"""The client and the real server: what is placed is stored, and what is stored is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from coffeert.cancellation import end
from coffeert.client import (
    Connected,
    DashboardFeed,
    OrderClient,
    OrderSocket,
    ViewChanged,
)
from coffeert.domain.orders import Draft, new_order_id
from coffeert.errors import Conflict, Invalid, NotFound, Unauthorized
from coffeert.wire.frames import Snapshot, change_from
from tests.integration.server.conftest import RunServer
from tests.ports import free_port
from tests.waiting import eventually

TEA = Draft("uptown", "tea")


async def test_place_replay_conflict_and_void(server_url: str) -> None:
    key = new_order_id()
    async with OrderClient(server_url) as client:
        placed = await client.place(Draft("uptown", "tea", 2, order_id=key))
        again = await client.place(Draft("uptown", "tea", 2, order_id=key))
        assert (placed.replayed, again.replayed) == (False, True)
        assert again.order == placed.order
        assert placed.order.price_cents == 290
        with pytest.raises(Conflict):
            await client.place(Draft("uptown", "tea", 3, order_id=key))
        correction = await client.void(key)
        assert correction.order.voids == key
        assert correction.order.quantity == -2
        assert (await client.void(key)).order == correction.order
        with pytest.raises(NotFound):
            await client.void(new_order_id())


async def test_a_batch_stores_the_good_lines_and_explains_the_others(server_url: str) -> None:
    async def drafts() -> AsyncIterator[Draft]:
        for number in range(40):
            yield Draft("uptown", "tea" if number % 10 else "gruel")

    async with OrderClient(server_url) as client:
        result = await client.batch(drafts())
    assert (result.accepted, result.replayed, result.rejected) == (36, 0, 4)
    assert [error.line for error in result.errors] == [1, 11, 21, 31]
    assert result.errors[0].errors[0].field == "drink"


async def test_menu_and_dashboard_now_and_then(server_url: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    async with OrderClient(server_url) as client:
        menu = await client.menu()
        assert "latte" in {drink.code for drink in menu.drinks}
        await client.place(TEA)
        assert (await client.dashboard()).view.totals.minute.orders == 1
        assert (await client.dashboard(before)).view.totals.minute.orders == 0
        with pytest.raises(Invalid) as refused:
            await client.dashboard(datetime.now(UTC) + timedelta(days=1))
    assert refused.value.errors[0].field == "at"


async def test_every_surface_asks_for_the_token(run_server: RunServer) -> None:
    async with run_server(token="s3cret") as url:
        async with OrderClient(url) as client:
            with pytest.raises(Unauthorized):
                await client.place(TEA)
        async with OrderSocket(url) as bare:
            with pytest.raises(Unauthorized):
                await bare.place(TEA)
        async with OrderClient(url, "s3cret") as client, OrderSocket(url, "s3cret") as orders:
            await client.place(TEA)
            await orders.place(TEA)
        async with DashboardFeed(url, "s3cret") as feed:
            await eventually(lambda: feed.view is not None)


async def follow(feed: DashboardFeed) -> None:
    async for event in feed.events():
        if isinstance(event, ViewChanged) and feed.version == event.version:
            assert feed.view is not None
            assert feed.view.cube.totals() == feed.totals == event.totals


async def level(client: OrderClient, feed: DashboardFeed) -> Snapshot:
    """Wait until the feed is where the dashboard is; the first pass may begin another epoch."""
    async with asyncio.timeout(10):
        while True:
            snapshot = await client.dashboard()
            if (feed.epoch, feed.version) == (snapshot.epoch, snapshot.version):
                return snapshot
            await asyncio.sleep(0.01)


async def test_the_feed_shows_every_order_whichever_way_it_came(server_url: str) -> None:
    async with (
        OrderClient(server_url) as client,
        OrderSocket(server_url) as orders,
        DashboardFeed(server_url) as feed,
        asyncio.TaskGroup() as tasks,
    ):
        follower = tasks.create_task(follow(feed))
        placing = [
            way.place(Draft("uptown", drink))
            for drink in ("tea", "latte", "mocha")
            for way in (client, orders, feed)
            for _ in range(10)
        ]
        await asyncio.gather(*placing)
        await eventually(lambda: feed.totals is not None and feed.totals.minute.orders == 90)
        snapshot = await level(client, feed)
        assert feed.view is not None
        assert dict(feed.view.cube.cells()) == change_from(snapshot.view).cells
        assert len(feed.view.recent) == 50
        assert feed.gaps == 0
        await eventually(lambda: feed.health is not None and feed.health.intake.accepted == 90)
        await end(follower)


@pytest.mark.long
async def test_client_and_feed_come_through_a_restart(run_server: RunServer) -> None:
    async with (
        RestartableServer(run_server, free_port()) as server,
        OrderClient(server.url) as client,
        DashboardFeed(server.url) as feed,
    ):
        connected = asyncio.create_task(connections(feed))
        await client.place(TEA)
        await eventually(lambda: feed.totals is not None and feed.totals.minute.orders == 1)
        epoch = feed.epoch
        await server.stop()
        over_http = asyncio.create_task(client.place(TEA))
        over_socket = asyncio.create_task(feed.place(TEA))
        await server.start()
        await asyncio.gather(over_http, over_socket)
        await eventually(lambda: feed.totals is not None and feed.totals.minute.orders == 3)
        assert feed.epoch != epoch
        await end(connected)


async def connections(feed: DashboardFeed) -> None:
    async for event in feed.events():
        if isinstance(event, Connected):
            assert not event.resumed


class RestartableServer:
    """A server on a fixed port that can be stopped and started again."""

    def __init__(self, run_server: RunServer, port: int) -> None:
        self._run_server = run_server
        self._port = port
        self.url = f"http://127.0.0.1:{port}"

    async def start(self) -> None:
        self._running = self._run_server(port=self._port)
        await self._running.__aenter__()

    async def stop(self) -> None:
        await self._running.__aexit__(None, None, None)

    async def __aenter__(self) -> RestartableServer:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()
