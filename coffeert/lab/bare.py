"""The limit of the intake: a bare aiohttp handler that reads the same bytes and answers the same.

It decodes the order with the same decoder and encodes the same body, and stores nothing. Run as
`python -m coffeert.lab.bare`, a child process of the lab.
"""

from __future__ import annotations

import gc
import socket
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from coffeert.lab.child import Gate, serve
from coffeert.order import Order, new_order_id
from coffeert.wire.orders import OrderBody, decode_order, encode

_PRICE = 450


class BareJob(msgspec.Struct, frozen=True):
    """The port to listen on, on loopback."""

    port: int


class BareResult(msgspec.Struct, frozen=True):
    """How many requests were answered."""

    answered: int


class _Bare:
    def __init__(self) -> None:
        self.answered = 0

    async def place(self, request: web.Request) -> web.Response:
        draft = decode_order(await request.read())
        self.answered += 1
        now = datetime.now(UTC)
        order = Order(
            draft.order_id or new_order_id(),
            draft.store,
            draft.drink,
            draft.quantity,
            _PRICE,
            now,
            now,
        )
        body = encode(OrderBody.of(order))
        return web.Response(body=body, status=201, content_type="application/json")


async def _run(job: BareJob, gate: Gate) -> BareResult:
    bare = _Bare()
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
