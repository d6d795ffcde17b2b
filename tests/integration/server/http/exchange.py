"""A server that is spoken to without sockets, with and without what stands in front of aiohttp."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import web

from coffeert.server.http import aiohttp_internals
from coffeert.server.http.aiohttp_connection import AiohttpConnection, track_requests
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.batch import BatchEndpoint
from coffeert.server.http.connection_limiter import ConnectionLimiter
from coffeert.server.http.deferred_responses import DeferredResponses
from coffeert.server.http.errors import add_routes, error_middleware
from coffeert.server.http.order_connection import OrderConnection
from coffeert.server.http.order_endpoint import OrderEndpoint
from coffeert.server.http.orders import OrdersApi
from coffeert.server.ingest.batch_insert import Outcome, PendingOrder, StoredOrder
from coffeert.server.ingest.load_shedding import LoadShedder, for_batches
from coffeert.server.ingest.order_service import OrderService
from tests.unit.server.http.connections import FakeService, Wire, shed

MAX_BODY_BYTES = 1024


class ReadyService(FakeService):
    """Stores everything at once."""

    stored = 0

    def store(self, order: PendingOrder) -> asyncio.Future[list[Outcome]]:
        self.stored += 1
        answer = super().store(order)
        asyncio.get_running_loop().call_soon(self.commit)
        return answer

    async def place(self, draft: object) -> StoredOrder:
        outcome = (await self.store(self.entry(draft)))[0]  # type: ignore[arg-type] # as aiohttp's handler gives it
        assert isinstance(outcome, StoredOrder)
        return outcome

    async def place_many(self, batch: object) -> list[Outcome]:
        self.stored += 1
        asyncio.get_running_loop().call_soon(self.commit)
        return await super().place_many(batch)  # type: ignore[arg-type] # likewise


class Exchange:
    """Answers what is sent to it; `delegated` counts the protocols of aiohttp's that were made."""

    def __init__(
        self,
        server: web.Server,
        endpoint: OrderEndpoint,
        service: ReadyService,
        shedders: Sequence[LoadShedder],
    ) -> None:
        self.delegated = 0
        self._service = service
        self._shedders = shedders
        self._server = server
        self._endpoint = endpoint
        self._limiter = ConnectionLimiter(connections=0, rate=0, header_timeout=10)
        self._refusals = DeferredResponses()

    @property
    def orders_stored(self) -> int:
        """How many orders were stored, alone or in batches."""
        return self._service.stored

    def shed(self) -> None:
        """Have everything refused from now on."""
        for shedder in self._shedders:
            shed(shedder)

    def _delegate(self) -> asyncio.Protocol:
        self.delegated += 1
        return cast(asyncio.Protocol, aiohttp_internals.new_handler(self._server))

    async def answers(self, pieces: Sequence[bytes], *, in_front: bool) -> tuple[bytes, bool]:
        """Send pieces over one connection; return what came back, and whether the connection was closed."""
        wire = ListWire()
        if in_front:
            wire.protocol = OrderConnection(
                self._delegate, self._limiter, self._endpoint, self._refusals
            )
            wire.protocol.connection_made(wire)
        else:
            wire.protocol = alone = AiohttpConnection(self._delegate(), self._limiter)
            alone.connection_made(wire)
            alone.begin(wire, b"", eof=False)
        await _settle(wire)
        for piece in pieces:
            if wire.closed:
                break
            cast(asyncio.Protocol, wire.protocol).data_received(piece)
            await _settle(wire)
        closed = wire.closed
        wire.protocol.connection_lost(None)
        return wire.written, closed


class ListWire(Wire):
    """A wire that aiohttp can use as well."""

    def writelines(self, pieces: object) -> None:
        self.written += b"".join(bytes(piece) for piece in cast(list[bytes], pieces))

    def get_write_buffer_size(self) -> int:
        return 0


async def _settle(wire: Wire) -> None:
    """Wait until nothing more comes: everything here happens within a few iterations of the loop."""
    quiet, before = 0, -1
    while quiet < 12 and not wire.closed:
        await asyncio.sleep(0)
        quiet = quiet + 1 if len(wire.written) == before else 0
        before = len(wire.written)


@asynccontextmanager
async def exchange(*, token: str | None = None) -> AsyncIterator[Exchange]:
    """A server of aiohttp's with the handlers of orders, and an endpoint for what stands in front."""
    ready = ReadyService()
    service = cast(OrderService, ready)
    authorizer = Authorizer(token, ("http://shop.example",))
    batches = BatchEndpoint(service, max_line_bytes=MAX_BODY_BYTES, max_rows=500)
    orders, many = LoadShedder(clock=lambda: 0.0), for_batches(clock=lambda: 0.0)
    api = OrdersApi(
        service,
        batches,
        authorizer,
        order_shedder=orders,
        batch_shedder=many,
        max_body_bytes=MAX_BODY_BYTES,
    )

    async def live(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app = web.Application(
        client_max_size=MAX_BODY_BYTES,
        middlewares=[track_requests, error_middleware, authorizer.host_middleware],
    )
    add_routes(
        app,
        [
            ("POST", "/api/orders", api.place),
            ("POST", "/api/orders/batch", api.place_batch),
            ("GET", "/livez", live),
        ],
        preflight=authorizer.cors.preflight,
    )
    app.on_response_prepare.append(authorizer.cors.add_fields)
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    try:
        yield Exchange(
            runner.server,
            OrderEndpoint(
                service,
                batches,
                authorizer,
                order_shedder=orders,
                batch_shedder=many,
                max_body_bytes=MAX_BODY_BYTES,
            ),
            ready,
            (orders, many),
        )
    finally:
        await runner.cleanup()


def without_moments(answers: bytes) -> bytes:
    """Blank what differs between any two answers: ids, times, the date, and with them the length."""
    answers = re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"<id>", answers)
    answers = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", b"<time>", answers)
    answers = re.sub(rb"Content-Length: \d+", b"Content-Length: <n>", answers)
    return re.sub(rb"Date: [^\r]*", b"Date: <date>", answers)
