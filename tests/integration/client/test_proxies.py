"""Every client works under a path of a proxy, and says what a proxy does not pass."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from coffeert.client import (
    Connected,
    DashboardFeed,
    Disconnected,
    FeedEvent,
    OrderClient,
    OrderSocket,
    ViewReset,
)
from coffeert.domain.orders import Draft
from coffeert.errors import NotFound, ServerUnavailable
from tests.integration.client.proxies import KINDS, proxied
from tests.integration.inject.command import run

pytestmark = pytest.mark.long

TEA = Draft("uptown", "tea")


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("kind", KINDS)
async def test_every_client_works_under_a_path(server_url: str, kind: str, end: str) -> None:
    async with proxied(server_url, kind=kind, path="/coffee") as published:
        url = published + end
        async with OrderClient(url) as client, OrderSocket(url) as orders:
            placed = await client.place(TEA)
            await client.void(placed.order.order_id)
            await orders.place(TEA)
            assert (await client.batch_lines([b'{"store":"uptown","drink":"tea"}'])).accepted == 1
            assert (await client.menu()).stores
        async with DashboardFeed(url) as feed:
            kinds = [type(event) async for event in first(feed, ViewReset)]
            assert Connected in kinds
        done = await run("status", "--url", url)
        assert (done.code, done.err) == (0, "")
        sent = await run(
            *("inject", "--url", url, "--count", "30", "--rate", "1000"),
            *("--via", "http,ws,batch", "--json"),
        )
        report = sent.report()
        # Replayed: what is sent again since its answer is late was stored all the same.
        assert (sent.code, report.accepted + report.replayed) == (0, 30)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_without_upgrade_is_named(server_url: str, kind: str) -> None:
    async with proxied(server_url, kind=kind, path="/coffee", upgrade=False) as url:
        async with DashboardFeed(url) as feed:
            (*_, lost) = [event async for event in first(feed, Disconnected)]
            assert isinstance(lost, Disconnected)
            assert "proxy in front of it does not pass WebSocket upgrades" in lost.reason
            assert lost.retry_in is not None
        async with OrderSocket(url) as orders:
            with pytest.raises(ServerUnavailable, match=f"{url} answers, but the proxy"):
                await orders.place(TEA)
        done = await run("status", "--url", url)
        assert done.code == 0
        assert "top 5" in done.out
        assert "the proxy in front of it does not pass WebSocket upgrades" in done.err
        assert done.err.count("\n") == 1
        assert (await run("status", "--url", url, "--json")).err == ""


async def test_a_wrong_path_is_told_at_once(server_url: str) -> None:
    async with OrderClient(f"{server_url}/coffee") as client:
        with pytest.raises(NotFound, match=r"There is no coffeert at .*/coffee .*path"):
            await client.menu()
    done = await run("status", "--url", f"{server_url}/coffee")
    assert done.code != 0
    assert "path" in done.err


async def first(feed: DashboardFeed, kind: type[FeedEvent]) -> AsyncIterator[FeedEvent]:
    async for event in feed.events():
        yield event
        if isinstance(event, kind):
            return
