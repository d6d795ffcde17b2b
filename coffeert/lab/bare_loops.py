"""Bare loops: protocols on uvloop without a framework, which do only what no server is spared."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import cast

from aiohttp.http import SERVER_SOFTWARE
from httptools import HttpRequestParser

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.lab.baselines import BaselineJob, complete_order
from coffeert.lab.worker_process import ParentPipe
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import BatchResult, OrderBody, encode
from coffeert.wire.websocket import text_frame

_BACKLOG = 1024
# As long as the server's own, so that sending costs as much.
_REFUSAL_BODY = b"." * 130
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    b"Retry-After: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(_REFUSAL_BODY), _REFUSAL_BODY)
)
_FIELDS = (
    b"Content-Type: application/json\r\nContent-Length: %d\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: " + SERVER_SOFTWARE.encode() + b"\r\n\r\n%b"
)
_CREATED = b"HTTP/1.1 201 Created\r\n" + _FIELDS
_OK = b"HTTP/1.1 200 OK\r\n" + _FIELDS
_BATCH_TARGET = b"/api/orders/batch"


class _BareProtocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass


class _OrderProtocol(_BareProtocol):
    """Parses requests by llhttp, decodes each order, answers as the server does, and stores nothing."""

    def __init__(self) -> None:
        self._parser = HttpRequestParser(self)
        self._target = b""
        self._body: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    # llhttp calls these.

    def on_url(self, target: bytes) -> None:
        self._target = target

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body, self._body = b"".join(self._body), []
        if not body:  # the generator's question whether all its connections are accepted
            self._transport.write(_OK % (0, b""))
            return
        if self._target == _BATCH_TARGET:
            answer = encode(BatchResult(_decoded_lines(body), 0, 0))
            self._transport.write(_OK % (len(answer), answer))
            return
        order = complete_order(decode_order(body), datetime.now(UTC))
        answer = encode(OrderBody.of(order, DEFAULT_PLACES))
        self._transport.write(_CREATED % (len(answer), answer))


def _decoded_lines(body: bytes) -> int:
    now, orders = datetime.now(UTC), 0
    for line in body.splitlines():
        complete_order(decode_order(line), now)
        orders += 1
    return orders


async def serve_orders(job: BaselineJob, parent: ParentPipe) -> None:
    """Answer single orders and batches in a worker process, and store nothing."""
    gc.freeze()
    await _serve(job.port, parent, _OrderProtocol)


class _RefusingProtocol(_BareProtocol):
    def data_received(self, data: bytes) -> None:
        self._transport.write(_REFUSAL)


async def serve_refusals(job: BaselineJob, parent: ParentPipe) -> None:
    """Refuse whatever is received without parsing it, in a worker process: one receive and one send."""
    await _serve(job.port, parent, _RefusingProtocol)


class BroadcastJob(BaselineJob, frozen=True):
    """The payload that every client gets at each POST."""

    payload: bytes


class _BroadcastProtocol(_BareProtocol):
    def __init__(self, frame: bytes, clients: list[asyncio.Transport]) -> None:
        self._frame = frame
        self._clients = clients

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST"):
            for client in self._clients:
                client.write(self._frame)
            self._transport.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        else:
            self._clients.append(self._transport)
            self._transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")


async def serve_broadcast(job: BroadcastJob, parent: ParentPipe) -> None:
    """Write the payload to every socket, in a worker process."""
    clients = list[asyncio.Transport]()
    await _serve(job.port, parent, partial(_BroadcastProtocol, text_frame(job.payload), clients))


async def _serve(port: int, parent: ParentPipe, protocol: Callable[[], asyncio.Protocol]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", port, backlog=_BACKLOG)
    await parent.ready()
    await parent.wait()
    server.close()
