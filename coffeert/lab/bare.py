"""The limit of the intake: a bare aiohttp handler that reads the same bytes and answers the same.

It decodes the order with the same decoder and encodes the same body, and stores nothing; or, given a
database, it stores orders by one writer in the same statement, and does nothing else: no check, no replay,
no view. Run as `python -m coffeert.lab.bare`, a child process of the lab.
"""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from coffeert.domain.orders import Order, new_order_id
from coffeert.lab.child import Gate, serve
from coffeert.postgres.orders import OrderRepository
from coffeert.postgres.pool import open_pool
from coffeert.tasks import end
from coffeert.wire.orders import OrderBody, decode_order, encode

_PRICE = 450


class BareJob(msgspec.Struct, frozen=True):
    """The port to listen on, on loopback, and where to store orders, if anywhere."""

    port: int
    database_url: str = ""


class BareResult(msgspec.Struct, frozen=True):
    """How many requests were answered."""

    answered: int


class _Bare:
    def __init__(self) -> None:
        self.answered = 0

    async def place(self, request: web.Request) -> web.Response:
        order = self._order(await request.read())
        body = encode(OrderBody.of(order))
        return web.Response(body=body, status=201, content_type="application/json")

    def _order(self, body: bytes) -> Order:
        draft = decode_order(body)
        self.answered += 1
        now = datetime.now(UTC)
        return Order(
            draft.order_id or new_order_id(),
            draft.store,
            draft.drink,
            draft.quantity,
            _PRICE,
            now,
            now,
        )


class _Storing(_Bare):
    """Whatever has come while one batch was stored is the next batch."""

    def __init__(self, table: OrderRepository) -> None:
        super().__init__()
        self._table = table
        self._waiting: list[tuple[Order, asyncio.Future[None]]] = []
        self._come = asyncio.Event()

    async def place(self, request: web.Request) -> web.Response:
        order = self._order(await request.read())
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((order, stored))
        self._come.set()
        await stored
        body = encode(OrderBody.of(order))
        return web.Response(body=body, status=201, content_type="application/json")

    async def write(self) -> None:
        while True:
            await self._come.wait()
            self._come.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                await self._table.insert(sorted((o for o, _ in batch), key=_by_id))
                self._come.set()
            for _, stored in batch:
                if not stored.done():
                    stored.set_result(None)


def _by_id(order: Order) -> int:
    return order.order_id.int


@asynccontextmanager
async def _handler(job: BareJob) -> AsyncIterator[_Bare]:
    if not job.database_url:
        yield _Bare()
        return
    pool = await open_pool(job.database_url, size=2, application_name="coffeert lab")
    table = OrderRepository(pool, at_hand=1)
    bare = _Storing(table)
    writing = asyncio.create_task(bare.write())
    try:
        yield bare
    finally:
        await end(writing)
        await table.close()
        await pool.close()


async def _run(job: BareJob, gate: Gate) -> BareResult:
    async with _handler(job) as bare:
        app = web.Application()
        app.add_routes([web.post("/api/orders", bare.place)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", job.port, backlog=1024).start()
        gc.freeze()
        await gate.ready()
        await runner.cleanup()
    return BareResult(bare.answered)


def free_port() -> int:
    """Find a port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


if __name__ == "__main__":
    serve(BareJob, _run)
