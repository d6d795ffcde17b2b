"""The page as a reader of the protocol: versions, gaps, resuming, and sums that do not agree."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from coffeert.server.http.page import Page
from tests.page.screen import Screen, Screens

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

MINUTE = int(datetime.now(UTC).timestamp()) // 60 * 60
DAY = MINUTE // 86400 * 86400
MENU = {
    "stores": [{"code": "uptown", "name": "Uptown"}],
    "drinks": [{"code": "tea", "name": "Tea", "price": "1.00"}],
}


def view(orders: int, *, claimed: int | None = None) -> dict[str, Any]:
    """A view in which one store has sold tea so often today, and sums that claim so, or something else."""
    bucket = [[0], [orders], [orders], [orders * 100]]
    total = [orders if claimed is None else claimed, orders, orders * 100]
    return {
        "as_of": MINUTE, "days": [["UTC", 0, DAY, DAY, DAY + 86400, MINUTE // 3600 * 3600]],
        "calendar_of": {}, "data_time": now(), "stores": ["uptown"], "drinks": ["tea"],
        "minute": [[MINUTE, *bucket]], "hour": [[MINUTE // 3600 * 3600, *bucket]], "day": [[DAY, *bucket]],
        "totals": dict.fromkeys(("minute", "hour", "day", "today"), total), "top": [], "recent": [],
    }  # fmt: skip


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class ScriptedServer:
    """Serves the page, and sends it what a test says; `queries` are those of its WebSockets."""

    def __init__(self) -> None:
        self.queries: list[dict[str, str]] = []
        self.received: list[str] = []
        self.protocol = 2
        self.has_reports = True
        self._socket: web.WebSocketResponse | None = None
        self._connected = asyncio.Event()

    def application(self) -> web.Application:
        page = Page()
        app = web.Application()
        app.router.add_get("/", page.index)
        app.router.add_get("/page/{name}", page.file)
        app.router.add_get("/login", self._login)
        app.router.add_get("/ws/dashboard", self._serve)
        app.router.add_get("/api/{report}", self._report)
        return app

    async def _login(self, request: web.Request) -> web.Response:
        return web.json_response({"known": True, "login": False, "expires_in": None})

    async def _report(self, request: web.Request) -> web.Response:
        if not self.has_reports:
            raise web.HTTPNotFound
        total = {"figures": {"orders": 0, "pieces": 0, "takings": "0.00"}}
        return web.json_response({"stores": [], "rows": [], "total": total, "compared": None})

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.queries.append(dict(request.query))
        self._socket = socket
        await self.send(type="hello", protocol=self.protocol, server="coffeert", epoch="e", version=0,
                        heartbeat=1.0, timezone="UTC", menu=MENU)  # fmt: skip
        self._connected.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.received.append(json.loads(message.data)["type"])
        return socket

    async def send(self, **frame: Any) -> None:
        assert self._socket is not None
        await self._socket.send_json(frame)

    async def snapshot(self, version: int, orders: int, *, epoch: str = "e") -> None:
        await self.send(type="snapshot", epoch=epoch, version=version, view=view(orders))

    async def delta(self, start: int, end: int, orders: int, *, epoch: str = "e") -> None:
        await self.send(type="delta", epoch=epoch, **{"from": start}, to=end, view=view(orders))

    async def beat(self, version: int, *, epoch: str = "e") -> None:
        times = {"data_time": now(), "server_time": now()}
        await self.send(type="heartbeat", epoch=epoch, version=version, health={}, **times)

    async def connected(self) -> None:
        await self._connected.wait()
        self._connected.clear()

    async def disconnect(self) -> None:
        assert self._socket is not None
        await self._socket.close()


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer()


@pytest_asyncio.fixture(loop_scope="module")
async def screen(server: ScriptedServer, screens: Screens) -> AsyncIterator[Screen]:
    """A page that has the snapshot of version 5 with one order."""
    async with TestServer(server.application()) as running:
        screen = await screens.open(str(running.make_url("")).rstrip("/"))
        await server.connected()
        await server.snapshot(5, 1)
        await shows(screen, 1)
        yield screen
        assert screen.errors == []
        await screen.page.close()


async def shows(screen: Screen, orders: int) -> None:
    await screen.shows(lambda at: at.total == (orders, orders * 100))


async def test_deltas_apply_from_our_version_or_before(
    server: ScriptedServer, screen: Screen
) -> None:
    await server.delta(5, 6, 2)
    await shows(screen, 2)
    await server.delta(4, 9, 3)
    await shows(screen, 3)
    await server.delta(5, 6, 2)  # again: nothing new
    await server.snapshot(7, 2)  # prepared before
    await server.delta(9, 10, 4)
    await shows(screen, 4)
    assert server.received == []


async def test_missing_changes_are_asked_for_once(server: ScriptedServer, screen: Screen) -> None:
    await server.delta(6, 7, 9)
    await server.delta(7, 8, 9)
    await server.snapshot(8, 3)
    await shows(screen, 3)
    assert server.received == ["resync"]
    await server.delta(9, 10, 9)
    await server.snapshot(10, 4)
    await shows(screen, 4)
    assert server.received == ["resync", "resync"]


async def test_another_epoch_needs_a_snapshot(server: ScriptedServer, screen: Screen) -> None:
    await server.delta(5, 6, 9, epoch="f")
    await server.snapshot(1, 2, epoch="f")
    await shows(screen, 2)
    assert server.received == ["resync"]


async def test_two_heartbeats_ahead_mean_that_changes_are_missing(
    server: ScriptedServer, screen: Screen
) -> None:
    await server.beat(6)
    await server.delta(5, 6, 2)  # right behind the heartbeat
    await server.beat(6)
    await server.beat(7)
    await shows(screen, 2)
    assert server.received == []
    await server.beat(7)
    await server.snapshot(7, 3)
    await shows(screen, 3)
    assert server.received == ["resync"]


async def test_it_comes_back_with_what_it_has(server: ScriptedServer, screen: Screen) -> None:
    assert server.queries == [{}]
    await server.disconnect()
    await server.connected()
    assert server.queries[1] == {"epoch": "e", "version": "5"}
    await server.delta(5, 6, 2)
    await shows(screen, 2)
    assert server.received == []


async def test_it_keeps_to_the_delay_that_a_server_asks_for(
    server: ScriptedServer, screen: Screen
) -> None:
    await server.send(type="goodbye", reason="restart", retry_after=2.0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await server.disconnect()
    await server.connected()
    assert loop.time() - began > 1.9


async def test_unknown_frames_and_fields_are_left_alone(
    server: ScriptedServer, screen: Screen
) -> None:
    await server.send(type="weather", epoch=5)
    await server.send(
        type="delta", epoch="e", **{"from": 5}, to=6, view=view(2) | {"more": {}}, more=1
    )
    await shows(screen, 2)


async def test_sums_that_differ_are_said(server: ScriptedServer, screens: Screens) -> None:
    async with TestServer(server.application()) as running:
        screen = await screens.open(str(running.make_url("")).rstrip("/"))
        await server.connected()
        await server.send(type="snapshot", epoch="e", version=1, view=view(2, claimed=3))
        await screen.shows(lambda at: at.checked.startswith("figures differ"))
        await server.delta(1, 2, 4)
        await screen.shows(lambda at: at.checked.startswith("figures checked"))
        await screen.page.close()


async def test_without_reports_it_shows_hours_and_compares_nothing(
    server: ScriptedServer, screens: Screens
) -> None:
    server.has_reports = False
    async with TestServer(server.application()) as running:
        screen = await screens.open(str(running.make_url("")).rstrip("/"))
        await server.connected()
        await server.snapshot(1, 3)
        await expect(screen.page.locator("#curve-title")).to_have_text("Takings by the hour")
        for part in ("#curve-legend", "#week", "#quiet", "#takings-change"):
            await expect(screen.page.locator(part)).to_be_hidden()
        assert all("404" in error for error in screen.errors)
        await screen.page.close()


async def test_a_protocol_that_it_does_not_know_is_said(
    server: ScriptedServer, screens: Screens
) -> None:
    server.protocol = 3
    async with TestServer(server.application()) as running:
        screen = await screens.open(str(running.make_url("")).rstrip("/"))
        await server.connected()
        await server.snapshot(1, 1)
        await screen.shows(lambda at: "older than the server" in at.fault)
        await screen.page.close()
