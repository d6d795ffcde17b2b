"""The load generator's clients: requests as bytes, and lean connections that send them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, cast

import uuid_utils.compat

from coffeert.lab.late_orders import LateMix, late_batch
from coffeert.wire.websocket import masked_text_frame, read_server_frames

STORES = ("uptown", "downtown", "central", "southend")
DRINKS = ("cappuccino", "americano", "latte", "espresso", "flat-white", "mocha", "cortado", "tea")
PROBE_STORE = "central"
BROKEN = 0
WEBSOCKET_UPGRADE = (
    b"GET /ws/dashboard HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: bGFiIGxhYiBsYWIgbGFiLg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

RequestHead = Literal["minimal", "browser"]
"""`browser`: what Chromium 156 sends for a same-origin fetch, and a new `X-Request-Id` each time."""

# Recorded from Chromium, whose fetch sends lower-case names for its client hints only.
_BROWSER_FIELDS = (
    "Connection: keep-alive\r\n"
    'sec-ch-ua-platform: "Linux"\r\n'
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36\r\n"
    'sec-ch-ua: "Not:A-Brand";v="8", "Chromium";v="156"\r\n'
    "sec-ch-ua-mobile: ?0\r\n"
    "Accept: */*\r\n"
    "Origin: http://{host}\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://{host}/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
)


class EncodedRequest(NamedTuple):
    """The bytes to send, what a correct answer contains, and the joined 16-byte ids of its orders.

    `pieces`: those of each minute, if the orders say when they were placed.
    """

    wire: bytes
    marker: bytes
    ids: bytes
    pieces: Mapping[int, int] = MappingProxyType({})


class RequestFactory:
    """Makes requests from a seed; order ids are new each time, or runs would replay each other's orders.

    Every `stride`-th order is a probe for the next of the drinks `probes`, so that a dashboard's frames
    show when it was counted. `mix` is for batches.
    """

    def __init__(
        self,
        seed: int,
        *,
        host: str = "localhost",
        head: RequestHead = "minimal",
        probes: tuple[str, ...] = (),
        stride: int = 0,
        mix: LateMix | None = None,
    ) -> None:
        self._rng = random.Random(seed)
        self._host = host
        self._fields = _BROWSER_FIELDS.format(host=host) if head == "browser" else ""
        self._probes = probes
        self._stride = stride
        self._mix = mix

    def probe(self, index: int) -> str | None:
        """Return the probe drink of the order at this index if it is a probe."""
        if not self._stride or index % self._stride:
            return None
        return self._probes[index // self._stride % len(self._probes)]

    def http(self, index: int) -> EncodedRequest:
        """Make `POST /api/orders`."""
        order, order_id, ids = self._order(index)
        return EncodedRequest(self._post("/api/orders", "application/json", order), order_id, ids)

    def websocket(self, index: int) -> EncodedRequest:
        """Make an order frame, whose `ref` is the index."""
        order, order_id, ids = self._order(index)
        frame = b'{"type":"order","ref":"%d",%s' % (index, order[1:])
        return EncodedRequest(masked_text_frame(frame), order_id, ids)

    def batch(self, index: int, lines: int) -> EncodedRequest:
        """Make `POST /api/orders/batch` with so many lines."""
        if self._mix is not None:
            late = late_batch(self._rng, self._mix, lines, STORES, DRINKS)
            wire = self._post("/api/orders/batch", "application/x-ndjson", late.body)
            return EncodedRequest(wire, b'"accepted":%d,' % lines, late.ids, late.pieces)
        made = [self._order(index * lines + line) for line in range(lines)]
        body = b"\n".join(order for order, _, _ in made) + b"\n"
        wire = self._post("/api/orders/batch", "application/x-ndjson", body)
        return EncodedRequest(wire, b'"accepted":%d,' % lines, b"".join(ids for _, _, ids in made))

    def _order(self, index: int) -> tuple[bytes, bytes, bytes]:
        rng = self._rng
        made = uuid_utils.compat.uuid7()
        order_id = str(made).encode()
        probe = self.probe(index)
        store = PROBE_STORE if probe else STORES[int(rng.random() * len(STORES))]
        drink = probe or DRINKS[int(rng.random() * len(DRINKS))]
        order = b'{"store":"%s","drink":"%s","quantity":%d,"order_id":"%s"}' % (
            store.encode(), drink.encode(), 1 + int(rng.random() * 3), order_id,
        )  # fmt: skip
        return order, order_id, made.bytes

    def _post(self, path: str, content_type: str, body: bytes) -> bytes:
        fields = self._fields
        if fields:
            fields += f"X-Request-Id: {uuid_utils.compat.uuid4()}\r\n"
        return (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n{fields}\r\n"
        ).encode() + body


class AnswerHandler(Protocol):
    """What sends on connections and receives their answers."""

    def answered(self, connection: LoadConnection, status: int, answer: bytes) -> None:
        """Receive an answer; `status` is `BROKEN` if the connection was lost instead."""


class LoadConnection(asyncio.Protocol):
    """A connection with one request in flight at most, number `index` of the sender's; -1 if idle."""

    def __init__(self, handler: AnswerHandler) -> None:
        self.index = -1
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def send(self, index: int, wire: bytes) -> None:
        self.index = index
        if self._transport is None or self._transport.is_closing():
            self._handler.answered(self, BROKEN, b"")
            return
        self._transport.write(wire)

    def close(self) -> None:
        """Close without reporting a lost request."""
        self.index = -1
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionResetError())
        if self.index >= 0:
            self._handler.answered(self, BROKEN, b"")

    def _begin(self) -> None:
        self.opened.set_result(None)


class HttpConnection(LoadConnection):
    """HTTP/1.1 with keep-alive; answers carry a Content-Length, as all of our server's do."""

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        head = data.find(b"\r\n\r\n")
        if head < 0 or len(data) < head + 4 + _content_length(data, head):
            self._buffer = data
            return
        self._buffer = b""
        self._handler.answered(self, int(data[9:12]), data)


class WebSocketStream:
    """Splits what a server sends after `WEBSOCKET_UPGRADE` into payloads."""

    def __init__(self) -> None:
        self.upgraded = False
        self._buffer = b""

    def receive(self, data: bytes) -> list[bytes]:
        """Return the payloads that are now complete; raises `ConnectionRefusedError`."""
        self._buffer += data
        if not self.upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return []
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                raise ConnectionRefusedError("no WebSocket")
            self._buffer = self._buffer[end + 4 :]
            self.upgraded = True
        payloads, self._buffer = read_server_frames(self._buffer)
        return payloads


class WebSocketConnection(LoadConnection):
    """A WebSocket to `/ws/dashboard`; frames that do not answer an order are ignored.

    It may have several requests in flight: the `ref` of an answer names its request.
    """

    def _begin(self) -> None:
        assert self._transport is not None
        self._stream = WebSocketStream()
        self._transport.write(WEBSOCKET_UPGRADE)

    def data_received(self, data: bytes) -> None:
        try:
            payloads = self._stream.receive(data)
        except ConnectionRefusedError as error:
            self.opened.set_exception(error)
            self.close()
            return
        if self._stream.upgraded and not self.opened.done():
            self.opened.set_result(None)
        for payload in payloads:
            if payload.startswith((b'{"type":"ack"', b'{"type":"error"')):
                self.index = _ref(payload)
                self._handler.answered(self, _status(payload), payload)


def _content_length(data: bytes, head: int) -> int:
    at = data.find(b"Content-Length: ", 0, head)
    if at < 0:
        at = data[:head].lower().find(b"content-length: ")
    return int(data[at + 16 : data.find(b"\r", at)]) if at >= 0 else 0  # 304 has none


def _status(payload: bytes) -> int:
    at = payload.find(b'"status":') + 9
    return int(payload[at : at + 3])


def _ref(payload: bytes) -> int:
    at = payload.find(b'"ref":"') + 7
    return int(payload[at : payload.find(b'"', at)]) if at >= 7 else -1
