"""The limits of the machine: the same work with our part taken out."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil
from aiohttp import web

from coffeert.cancellation import end
from coffeert.domain.orders import Draft, Order, new_order_id
from coffeert.lab.clients import DRINKS, STORES
from coffeert.lab.environment import connection_to, free_port
from coffeert.lab.worker_process import ParentPipe, start_worker
from coffeert.postgres.orders import OrderRepository
from coffeert.postgres.pool import open_pool
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import OrderBody, encode

_PRICE_CENTS = 450
_BACKLOG = 1024
_WAL_PAGE = bytes(8192)
_COPY_COLUMNS = (
    "order_id", "placed_at", "received_at", "quantity", "price_cents", "store", "drink",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BaselineServer:
    """A running baseline."""

    url: str
    process: psutil.Process


class BaselineJob(msgspec.Struct, frozen=True):
    """The port on loopback."""

    port: int


BaselineJobT = TypeVar("BaselineJobT", bound=BaselineJob)


@asynccontextmanager
async def start_baseline(
    serve: Callable[[BaselineJobT, ParentPipe], Awaitable[None]], job: BaselineJobT
) -> AsyncIterator[BaselineServer]:
    """Run a baseline in a worker process until the end of the block."""
    async with start_worker(serve, job) as worker:
        await worker.ready()
        yield BaselineServer(f"http://127.0.0.1:{job.port}", psutil.Process(worker.pid))


class HandlerJob(BaselineJob, frozen=True):
    """With a database URL the handler also stores the orders."""

    database_url: str = ""


def baseline_handler(database_url: str = "") -> AbstractAsyncContextManager[BaselineServer]:
    """Run a bare aiohttp handler; with a database URL one that also stores."""
    return start_baseline(serve_handler, HandlerJob(free_port(), database_url))


def complete_order(draft: Draft, now: datetime) -> Order:
    """Make the order that a menu with one price would make of a draft."""
    return Order(
        draft.order_id or new_order_id(), draft.store, draft.drink, draft.quantity, _PRICE_CENTS,
        now, now,
    )  # fmt: skip


class _DecodingHandler:
    """Decodes an order and encodes the answer as the server does, and stores nothing."""

    async def place(self, request: web.Request) -> web.Response:
        order = complete_order(decode_order(await request.read()), datetime.now(UTC))
        await self._store(order)
        body = encode(OrderBody.of(order))
        return web.Response(body=body, status=201, content_type="application/json")

    async def _store(self, order: Order) -> None:
        pass


class _StoringHandler(_DecodingHandler):
    """Stores orders by one writer in the same statement: no check, no replay, no view.

    What arrives while one batch is stored is the next batch.
    """

    def __init__(self, orders: OrderRepository) -> None:
        self._orders = orders
        self._waiting: list[tuple[Order, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()

    async def _store(self, order: Order) -> None:
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((order, stored))
        self._arrived.set()
        await stored

    async def write(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                orders = sorted((order for order, _ in batch), key=lambda one: one.order_id.int)
                await self._orders.insert(orders)
                self._arrived.set()
            for _, stored in batch:
                if not stored.done():
                    stored.set_result(None)


async def serve_handler(job: HandlerJob, parent: ParentPipe) -> None:
    """Answer `POST /api/orders` in a worker process."""
    async with _handler(job) as handler:
        app = web.Application()
        app.add_routes([web.post("/api/orders", handler.place)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", job.port, backlog=_BACKLOG).start()
        gc.freeze()
        await parent.ready()
        await runner.cleanup()


@asynccontextmanager
async def _handler(job: HandlerJob) -> AsyncIterator[_DecodingHandler]:
    if not job.database_url:
        yield _DecodingHandler()
        return
    pool = await open_pool(job.database_url, size=2, application_name="coffeert lab")
    orders = OrderRepository(pool, max_idle=1)
    handler = _StoringHandler(orders)
    writing = asyncio.create_task(handler.write())
    try:
        yield handler
    finally:
        await end(writing)
        await orders.close()
        await pool.close()


async def copy_rate(database_url: str, rows: int, transaction_rows: int, seed: int) -> float:
    """Return the rows a second of `COPY` into the table with all its indexes."""
    rng = random.Random(seed)
    pieces = [
        _copy_text(min(transaction_rows, rows - start), rng)
        for start in range(0, rows, transaction_rows)
    ]
    async with connection_to(database_url) as connection:
        began = time.monotonic()
        for piece in pieces:
            await connection.copy_to_table(
                "orders", source=io.BytesIO(piece), columns=list(_COPY_COLUMNS), format="text"
            )
        return rows / (time.monotonic() - began)


def _copy_text(rows: int, rng: random.Random) -> bytes:
    lines = []
    for _ in range(rows):
        now = datetime.now(UTC).isoformat()
        quantity, store, drink = rng.randint(1, 3), rng.choice(STORES), rng.choice(DRINKS)
        lines.append(
            f"{new_order_id()}\t{now}\t{now}\t{quantity}\t{_PRICE_CENTS}\t{store}\t{drink}\n"
        )
    return "".join(lines).encode()


def fsync_rate(directory: Path, seconds: float) -> float:
    """Write and flush a page of PostgreSQL's log over and over; return the flushes a second.

    It is the limit of one commit after another.
    """
    path = directory / "fsync-rate"
    sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.pwrite(descriptor, bytes(1 << 20), 0)
        os.fsync(descriptor)
        times, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            os.pwrite(descriptor, _WAL_PAGE, times % 128 * len(_WAL_PAGE))
            sync(descriptor)
            times += 1
        return times / (time.monotonic() - began)
    finally:
        os.close(descriptor)
        path.unlink()
