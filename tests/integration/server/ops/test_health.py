"""The health that a server reports of its parts."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from coffeert.aggregator.aggregator import Aggregator
from coffeert.config import load_config
from coffeert.redis_bus.publisher import RedisPublisher
from coffeert.server.app import open_server
from coffeert.server.live import live_view
from tests.integration.inject.command import run
from tests.integration.server.conftest import RunServer
from tests.servers import TestServers
from tests.waiting import POLL, WITHIN


async def test_orders_that_are_not_shown_before_a_pass_are_reported(
    run_server: RunServer,
    database_url: str,
    redis_url: str,
    opened: AsyncExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_view, "MAX_PENDING_BYTES", 700)  # two orders
    publisher = RedisPublisher(redis_url)
    opened.push_async_callback(publisher.close)
    async with run_server(run_aggregator=False) as url, aiohttp.ClientSession(url) as http:
        for drink, shown in (("latte", 1), ("tea", 2), ("mocha", 2)):
            order = {"store": "uptown", "drink": drink}
            async with http.post("/api/orders", json=order) as response:
                assert response.status == 201
            await _shows(http, shown)
        part = await _aggregator(http, ok=False, reason="not shown before")
        assert part["since"]
        await _shows(http, 2)
        await Aggregator(database_url, publisher, interval=60, name="cron").once()
        await _aggregator(http, ok=True)
        await _shows(http, 3)


async def test_figures_that_postgresql_has_not_confirmed_are_reported(
    database_url: str, redis_url: str
) -> None:
    async with open_server(load_config(port=0), database_url, redis_url) as server:
        monitor, view = server.health, server.health._live_view
        view.confirmed = False
        assert "not confirmed" in (monitor._aggregator().reason or "")
        async with asyncio.timeout(WITHIN):  # loaded again by itself
            while not view.confirmed:
                await asyncio.sleep(POLL)
        assert "not confirmed" not in (monitor._aggregator().reason or "")


async def test_what_a_crash_could_do_is_said(
    run_server: RunServer, servers: TestServers, database_url: str
) -> None:
    name = urlsplit(database_url).path.strip("/")
    servers.postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    async with run_server() as url, aiohttp.ClientSession(url) as http:
        async with http.get("/readyz") as response:
            assert response.status == 200, "orders are taken all the same"
            part = (await response.json())["parts"]["durability"]
        # As the tests' PostgreSQL is run, and as our sessions have set it.
        assert part | {"at": "", "since": ""} == {
            "ok": False, "at": "", "since": "",
            "reason": "fsync is off: a crash of the machine can lose orders and damage the data",
            "synchronous_commit": "on", "fsync": "off", "full_page_writes": "off",
        }  # fmt: skip
        async with http.get("/metrics") as response:
            assert "coffeert_durability_up 0.0" in await response.text()
        status = await run("status", "--url", url)
        assert "durability NOT OK (fsync is off: " in status.out
        assert "synchronous_commit on, fsync off, full_page_writes off" in status.out


async def _aggregator(http: aiohttp.ClientSession, *, ok: bool, reason: str = "") -> dict[str, Any]:
    """Wait for this health of the aggregator; the server is ready all the same."""
    async with asyncio.timeout(WITHIN):
        while True:
            async with http.get("/readyz") as response:
                assert response.status == 200
                part: dict[str, Any] = (await response.json())["parts"]["aggregator"]
            if part.get("ok", True) is ok and reason in part.get("reason", ""):
                return part
            await asyncio.sleep(POLL)


async def _shows(http: aiohttp.ClientSession, orders: int) -> None:
    """Wait until the dashboard shows so many orders."""
    async with asyncio.timeout(WITHIN):
        while True:
            async with http.get("/api/dashboard") as response:
                if (await response.json())["view"]["totals"]["day"][0] == orders:
                    return
            await asyncio.sleep(POLL)


async def test_a_server_that_refuses_orders_sends_fewer_frames(
    database_url: str, redis_url: str
) -> None:
    async with open_server(load_config(port=0), database_url, redis_url) as server:
        interval, shedder = (
            server.broadcaster.current_interval,
            server.batch_writer.admission.shedder,
        )
        shedder.shedding = True
        while shedder.try_admit():
            pass
        assert server.broadcaster.current_interval == 0.1 > interval
