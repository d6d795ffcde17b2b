"""A peer that speaks the wire protocol and misbehaves on demand, as a real server would not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.test_utils import TestServer

from coffeert.domain.orders import Draft, Order
from coffeert.domain.rollups import CellKey, Cells, Totals
from coffeert.domain.view import Change, View
from coffeert.wire import frames
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    Health,
    IntakeHealth,
    RedisHealth,
    SocketsHealth,
)
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore, OrderBody, encode
from tests.calendars import retention

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RETENTION = retention(NOW)
MENU = MenuBody((MenuStore("uptown", "Uptown"),), (MenuDrink("tea", "Tea", "2.90"),))
HEALTH = Health(
    live=True,
    started=NOW,
    intake=IntakeHealth(),
    aggregator=AggregatorHealth(),
    redis=RedisHealth(),
    sockets=SocketsHealth(),
    database=DatabaseHealth(),
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def stored(draft: Draft) -> OrderBody:
    """What a server makes of a draft."""
    assert draft.order_id is not None
    cents = 290 if draft.price_cents is None else draft.price_cents
    order = Order(draft.order_id, draft.store, draft.drink, draft.quantity, cents, NOW, NOW)
    return OrderBody.of(order)


def answer(body: object, status: int = 200, **headers: str) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=encode(body), status=status, content_type="application/json", headers=headers
    )


async def accept(request: web.Request) -> web.Response:
    """Store every order as a new one."""
    return answer(stored(decode_order(await request.read())), 201)


async def cut(request: web.Request) -> web.Response:
    """Break the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Script:
    """Answers each request of one path with the next step, and further ones with the last step."""

    def __init__(self, *steps: Handler) -> None:
        self._steps = list(steps)
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        return await step(request)


def always(make: Callable[[], web.Response]) -> Handler:
    """A step that gives the same answer."""

    async def handle(request: web.Request) -> web.Response:
        return make()

    return handle


@asynccontextmanager
async def serving(*routes: web.RouteDef, port: int = 0) -> AsyncIterator[str]:
    """Serve routes on loopback; gives the URL."""
    application = web.Application()
    application.add_routes(routes)
    server = TestServer(application, port=port)
    await server.start_server(shutdown_timeout=0.1)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


class Dashboard:
    """The server's end of `/ws/dashboard`, driven by the test, one connection after another."""

    def __init__(self) -> None:
        self.connections: asyncio.Queue[Connection] = asyncio.Queue()
        self.requests: list[web.Request] = []
        self.refuse_with: int | None = None

    def route(self) -> web.RouteDef:
        return web.get("/ws/dashboard", self._handle)

    async def accepted(self) -> Connection:
        """Wait for the next connection."""
        async with asyncio.timeout(10):
            return await self.connections.get()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.refuse_with is not None:
            return web.Response(status=self.refuse_with)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, request)
        await self.connections.put(connection)
        async for message in socket:
            await connection.received.put(frames.decode_client_frame(message.data))
        return socket


class Connection:
    """One connection of a `Dashboard`, with a view of its own."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.query = dict(request.query)
        self.received: asyncio.Queue[frames.ClientFrame] = asyncio.Queue()
        self.view = View(Change(RETENTION, NOW, {}))
        self.epoch = "one"
        self.version = 1

    async def send(self, *sent: frames.ServerFrame) -> None:
        for frame in sent:
            await self.socket.send_str(encode(frame).decode())

    async def next_frame(self) -> frames.ClientFrame:
        async with asyncio.timeout(10):
            return await self.received.get()

    async def greet(self, heartbeat: float = 30.0) -> None:
        """Say hello and give the whole view."""
        await self.send(self.hello(heartbeat), self.snapshot())

    def hello(self, heartbeat: float = 30.0, protocol: int = frames.PROTOCOL) -> frames.Hello:
        return frames.Hello(
            protocol=protocol,
            server="peer",
            epoch=self.epoch,
            version=self.version,
            heartbeat=heartbeat,
            timezone="UTC",
            menu=MENU,
        )

    def change(self, drink: str, orders: int) -> frames.Delta:
        """Move on by one version."""
        cells: Cells = {
            CellKey("minute", RETENTION.as_of, "uptown", drink): Totals(
                orders, orders, 290 * orders
            )
        }
        self.view.apply(Change(RETENTION, NOW, cells))
        self.version += 1
        return frames.Delta(
            epoch=self.epoch,
            from_=self.version - 1,
            to=self.version,
            view=self._columns(Change(RETENTION, NOW, cells)),
        )

    def snapshot(self) -> frames.Snapshot:
        return frames.Snapshot(
            epoch=self.epoch, version=self.version, view=self._columns(self.view.as_change())
        )

    def heartbeat(self) -> frames.Heartbeat:
        return frames.Heartbeat(
            epoch=self.epoch,
            version=self.version,
            data_time=NOW,
            server_time=NOW,
            health=HEALTH,
        )

    def _columns(self, change: Change) -> frames.Columns:
        picture = self.view.cube
        return frames.columns(change, picture.totals(), picture.top_drinks())
