"""The fast path of WebSocket orders: from the bytes of a plain text frame to its text, without a framework.

A plain frame is a text, whole in one frame, masked, short, and in UTF-8. Everything else is left to
aiohttp, which defines what the server answers to it: pings as they come, and at the first frame that is
neither, the connection for good. So a doubt costs time and never a wrong answer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from coffeert.server.ws.orders import UNANSWERED, WebSocketOrders
from coffeert.wire.websocket import PING, PONG, TEXT, find_payload, unmask

_PINGS: Final = frozenset({PING, PONG})
_LONGEST: Final = 4_096  # bytes of a text
_A_TURN = 64  # frames of one connection: a bad one takes some 60 us


class OrderFrameReader(asyncio.Protocol):
    """Takes plain frames for `orders`, out of what comes for `rest`, aiohttp's protocol."""

    def __init__(
        self,
        rest: asyncio.Protocol,
        transport: asyncio.Transport,
        orders: WebSocketOrders,
        *,
        frame_limit: int,
    ) -> None:
        self._rest = rest
        self._transport = transport
        self._orders = orders
        self._longest = min(_LONGEST, frame_limit - 1)
        self._held = b""  # a part of a frame, or what is not read yet
        self._left = False  # to aiohttp
        self._stopped = self._has_stopped = False
        self._writable = True
        self._loop = asyncio.get_running_loop()
        # Not at once: the commit that answers one order answers others.
        orders.on_room = lambda: self._loop.call_soon(self._go_on)

    def data_received(self, data: bytes) -> None:
        """Take the plain frames of what has come."""
        if self._left:
            self._rest.data_received(data)
        elif self._stopped:  # aiohttp has gone on reading
            self._held += data
            self._transport.pause_reading()
        else:
            self._read(self._held + data)
            self._orders.send_refusals()

    def eof_received(self) -> bool | None:
        """Pass the end of the client's side on."""
        return self._rest.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end on."""
        self._left, self._held = True, b""
        self._rest.connection_lost(exc)

    def pause_writing(self) -> None:
        """Take no more orders of a client that does not read the answers."""
        self._writable = False
        self._rest.pause_writing()

    def resume_writing(self) -> None:
        """Go on with a client that reads again."""
        self._writable = True
        self._rest.resume_writing()
        self._go_on()

    def _read(self, data: bytes) -> None:
        at = 0
        for _ in range(_A_TURN):
            if self._orders.unanswered >= UNANSWERED or not self._writable:
                self._stop(data[at:])
                return
            begin, end = find_payload(data, at)
            if end > len(data) and end - begin <= self._longest:
                self._held = data[at:]
                return
            text = None
            if begin and data[at] == TEXT and end - begin <= self._longest:
                with suppress(UnicodeDecodeError):
                    text = unmask(data, begin, end).decode()
            if text is not None:
                self._orders.take(text)
            # aiohttp stops reading where it has too many of them, which it does not know to be undone.
            elif begin and data[at] in _PINGS and not self._has_stopped:
                self._rest.data_received(data[at:end])
            else:
                self._leave(data[at:])
                return
            at = end
        if at < len(data):
            self._stop(data[at:])
            self._loop.call_soon(self._go_on)
        else:
            self._held = b""

    def _stop(self, held: bytes) -> None:
        self._held = held
        self._stopped = self._has_stopped = True
        self._transport.pause_reading()

    def _go_on(self) -> None:
        if not self._stopped or self._transport.is_closing():
            return
        self._stopped = False
        self._transport.resume_reading()
        self._read(self._held)
        self._orders.send_refusals()

    def _leave(self, data: bytes) -> None:
        self._left, self._held = True, b""
        self._rest.data_received(data)
