"""The fast path of WebSocket orders: from the bytes of a plain text frame to its text, without aiohttp.

A plain frame is a text, whole in one frame, masked, at most 4,096 bytes long, and in UTF-8. Pings and
pongs go to aiohttp one by one. From the first frame of any other kind aiohttp has the connection for good,
and decides what the server answers. So a frame unknown to this reader costs time, never a wrong answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from coffeert.server.ws.orders import MAX_UNANSWERED_ORDERS, WebSocketOrders
from coffeert.wire.websocket import PING, PONG, TEXT, find_payload, unmask

MAX_READ_SECONDS: Final = 0.0005
"""How long one connection may be read from before the event loop serves others."""

_MAX_TEXT_BYTES: Final = 4_096


class OrderFrameReader(asyncio.Protocol):
    """Gives the text frames of one connection to `orders`, and everything else to aiohttp's protocol.

    `max_frame_bytes` is aiohttp's limit, which refuses frames of that size. Not read from while too many
    orders have no answer, or the client does not read its answers.
    """

    def __init__(
        self,
        aiohttp_protocol: asyncio.Protocol,
        transport: asyncio.Transport,
        orders: WebSocketOrders,
        *,
        max_frame_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._aiohttp = aiohttp_protocol
        self._transport = transport
        self._orders = orders
        self._max_text_bytes = min(_MAX_TEXT_BYTES, max_frame_bytes - 1)
        self._clock = clock
        self._buffer = b""  # a part of a frame, or frames that are not read yet
        self._delegated = False  # to aiohttp, for good
        self._paused = self._was_paused = False
        self._stopped = (
            False  # whether the transport is paused, too, which takes longer than a moment
        )
        self._writable = True
        self._loop = asyncio.get_running_loop()
        # In the next iteration: the commit that answers one order answers many.
        orders.on_capacity = lambda: self._loop.call_soon(self._resume)

    def data_received(self, data: bytes) -> None:
        """Handle the plain frames among the bytes."""
        if self._delegated:
            self._aiohttp.data_received(data)
        elif self._paused:  # for a moment only, or aiohttp has resumed reading
            self._buffer += data
            self._pause()  # so that no client fills the buffer faster than it is read
        else:
            self._read(self._buffer + data)

    def eof_received(self) -> bool | None:
        """Pass the end of the client's side on."""
        return self._aiohttp.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the loss on."""
        self._delegated, self._buffer = True, b""
        self._aiohttp.connection_lost(exc)

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read its answers."""
        self._writable = False
        self._aiohttp.pause_writing()

    def resume_writing(self) -> None:
        """Resume reading."""
        self._writable = True
        self._aiohttp.resume_writing()
        self._resume()

    def _read(self, data: bytes) -> None:
        rest = data[self._read_frames(data) :]
        self._buffer = b"" if self._delegated else rest
        self._orders.flush_refusals()
        if self._stopped and not self._paused:
            self._stopped = False
            self._transport.resume_reading()
        if self._delegated:
            self._aiohttp.data_received(rest)

    def _read_frames(self, data: bytes) -> int:
        """Handle frames until something stops it; return where the bytes begin that are left."""
        at, deadline = 0, self._clock() + MAX_READ_SECONDS
        while at < len(data):
            if self._orders.unanswered >= MAX_UNANSWERED_ORDERS or not self._writable:
                self._pause()
                break
            begin, end = find_payload(data, at)
            if end > len(data) and end - begin <= self._max_text_bytes:
                break  # not complete
            if not self._handled(data, at, begin, end):
                self._delegated = True
                break
            at = end
            if at < len(data) and self._clock() >= deadline:
                self._paused = (
                    True  # until the next iteration, which no pause of the transport is worth
                )
                self._loop.call_soon(self._resume)
                break
        return at

    def _handled(self, data: bytes, at: int, begin: int, end: int) -> bool:
        """Handle one frame, if it is plain."""
        if not begin:
            return False
        if data[at] == TEXT and end - begin <= self._max_text_bytes:
            try:
                text = unmask(data, begin, end).decode()
            except UnicodeDecodeError:
                return False
            self._orders.handle(text)
            return True
        # After many control frames aiohttp pauses reading, and does not know that we resume it. So once
        # reading was paused, the next control frame delegates the connection.
        if data[at] in (PING, PONG) and end <= len(data) and not self._was_paused:
            self._aiohttp.data_received(data[at:end])
            return True
        return False

    def _pause(self) -> None:
        self._paused = self._was_paused = self._stopped = True
        self._transport.pause_reading()

    def _resume(self) -> None:
        if not self._paused or self._transport.is_closing():
            return
        self._paused = False
        self._read(self._buffer)
