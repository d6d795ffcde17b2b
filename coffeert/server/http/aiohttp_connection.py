"""A connection that aiohttp has: its bytes are passed on, and nothing looks for requests in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from coffeert.server.http import aiohttp_internals
from coffeert.server.http.connection import Connection
from coffeert.server.http.connection_limiter import ConnectionLimiter

_END_OF_HEAD = b"\r\n\r\n"
_POLL_SECONDS = 0.02  # a half-closed connection


class AiohttpConnection(Connection):
    """Passes everything on to a protocol of aiohttp's, and keeps its times.

    `answering` counts the requests that aiohttp's handlers are at.
    """

    __slots__ = ("_ends_a_head", "_eof", "_inner", "_is_stream", "answering")

    def __init__(self, inner: asyncio.Protocol, limiter: ConnectionLimiter) -> None:
        super().__init__(limiter)
        self.answering = 0
        self._inner: asyncio.Protocol | None = inner
        self._eof = False  # the client has closed its half
        self._is_stream = False
        self._ends_a_head = False

    def begin(self, transport: asyncio.Transport, received: bytes, *, eof: bool) -> None:
        """Go on with a connection of which something has been received."""
        assert self._inner is not None
        self._inner.connection_made(transport)
        if received:
            self.data_received(received)
        self._eof = eof
        if eof:
            self._close_when_answered()

    # The transport calls these.

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on."""
        self.has_spoken = True
        if self._inner is None:
            return
        self._ends_a_head = data.endswith(_END_OF_HEAD)
        if self._began is None and not self.answering:
            self._began = self._loop.time()
        self._inner.data_received(data)

    def eof_received(self) -> bool:
        """Note that the client sends no more; True keeps its other half open for answers."""
        inner = self._inner
        if inner is None:
            return False
        if self._is_stream:
            return False
        if aiohttp_internals.has_upgraded(inner):
            return bool(inner.eof_received())
        self._eof = not aiohttp_internals.is_waiting(inner)
        if self._eof:
            self._close_when_answered()
        return self._eof

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything."""
        super().connection_lost(exc)
        inner, self._inner = self._inner, None  # which knows this protocol: a cycle
        if inner is not None:
            inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell aiohttp that the client does not read."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Tell aiohttp that the client reads again."""
        if self._inner is not None:
            self._inner.resume_writing()

    def _close_when_answered(self) -> None:
        """Close a half-closed connection once aiohttp has answered what it got."""
        if self._transport is None or self._inner is None:
            return
        if aiohttp_internals.is_waiting(self._inner) or aiohttp_internals.has_upgraded(self._inner):
            self._transport.close()
        else:
            self._loop.call_later(_POLL_SECONDS, self._close_when_answered)

    # aiohttp's handlers call these.

    @property
    def half_closed(self) -> bool:
        """Whether the client has closed its half while it is being answered."""
        return self._eof

    def wrap_protocol(self, make: Callable[[asyncio.Protocol], asyncio.Protocol]) -> None:
        """Put a protocol before aiohttp's, if nothing arrived behind the last request."""
        if self._inner is not None and self._ends_a_head:
            self._inner = make(self._inner)

    def close_at_eof(self) -> None:
        """Close the connection when the client closes its half: the answer never ends, so it has gone."""
        self._is_stream = True
        if self._eof and self._transport is not None:
            self._transport.close()

    def begin_answer(self) -> None:
        """Note that a handler has a request."""
        self.answering += 1
        self._began = None

    def end_answer(self) -> None:
        """Note that a handler has answered."""
        self.answering -= 1

    def headers_overdue(self, since: float) -> bool:
        """Return True if a request began before `since` and no handler has it."""
        return not self.answering and super().headers_overdue(since)


def connection_of(request: web.Request) -> AiohttpConnection | None:
    """Return the connection of a request; `None` if the application runs in another server."""
    protocol = aiohttp_internals.protocol_of(request)
    return protocol if isinstance(protocol, AiohttpConnection) else None


def consume_quota(request: web.Request, orders: int = 1) -> None:
    """Count orders against what their client may send; raises `TooManyRequests`."""
    connection = connection_of(request)
    if connection is not None:
        connection.consume_quota(orders)


@web.middleware
async def track_requests(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Tell a connection which requests aiohttp's handlers are at."""
    connection = connection_of(request)
    if connection is None:
        return await handler(request)
    connection.begin_answer()
    try:
        return await handler(request)
    finally:
        connection.end_answer()
