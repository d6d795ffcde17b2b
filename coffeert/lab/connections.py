"""Lean connections for the generator: one request under way on each, answers told to their owner."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from coffeert.lab.ws_frames import UPGRADE, take_payloads

BROKEN = 0


class Owner(Protocol):
    """Whoever sends on connections."""

    def answered(self, connection: Connection, status: int, answer: bytes) -> None:
        """Take an answer; `status` is `BROKEN` where the connection went instead."""


class Connection(asyncio.Protocol):
    """A connection with one request under way at most, number `index` of its owner's; -1: none."""

    def __init__(self, owner: Owner) -> None:
        self.index = -1
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    def send(self, index: int, wire: bytes) -> None:
        """Send a request."""
        self.index = index
        if self._transport is None or self._transport.is_closing():
            self._owner.answered(self, BROKEN, b"")
            return
        self._transport.write(wire)

    def close(self) -> None:
        """Close, and tell nobody."""
        self.index = -1
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note that requests can be sent."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner that the answer will not come."""
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionResetError())
        if self.index >= 0:
            self._owner.answered(self, BROKEN, b"")

    def _begin(self) -> None:
        self.opened.set_result(None)


class HttpConnection(Connection):
    """HTTP/1.1 with keep-alive; answers carry a Content-Length, as all of ours do."""

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        if self._buffer:
            self._buffer += data
            data = bytes(self._buffer)
        head = data.find(b"\r\n\r\n")
        if head < 0 or len(data) < head + 4 + _content_length(data, head):
            self._buffer[:] = data
            return
        self._buffer.clear()
        self._owner.answered(self, int(data[9:12]), data)


class SocketConnection(Connection):
    """A WebSocket to `/ws/dashboard`; what is not an answer to an order is passed over.

    It may have several requests under way: an answer tells by its `ref` which it is for.
    """

    _upgraded = False

    def _begin(self) -> None:
        assert self._transport is not None
        self._transport.write(UPGRADE)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the handshake or of frames."""
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionRefusedError("no WebSocket"))
                return
            del self._buffer[: end + 4]
            self._upgraded = True
            self.opened.set_result(None)
        for payload in take_payloads(self._buffer):
            if payload.startswith((b'{"type":"ack"', b'{"type":"error"')):
                self.index = _ref(payload)
                self._owner.answered(self, _status(payload), payload)


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
