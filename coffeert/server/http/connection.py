"""One connection of a client: the HTTP that stands in front of aiohttp.

Theory of operation
===================

aiohttp serves everything and defines every answer. But an order through aiohttp costs three times what it
costs here, and aiohttp limits neither how slowly a head may arrive nor what happens when more arrives
than the loop can take. So each connection has two protocols, one after the other:

`OrderConnection` is the first. A `RequestReader` frames what arrives (RFC 9112). A request for orders
that is beyond doubt is answered there, with the bytes that aiohttp would send. Requests are answered one
at a time and in order (section 9.3.2): while one is being answered, further bytes wait, and then the
socket is not read.

`AiohttpConnection` is the second. The first request that is anything else goes to aiohttp with all its
bytes, and so does everything that follows on this connection, for good. There is no way back, because
from then on only aiohttp knows where a request ends: that an answer was sent does not say that the
request's body was read, and bytes that look like a request may be the rest of a body. A server that looks
for requests there can be made to answer one client with what another has sent (request smuggling,
section 11.2).

Nothing is guessed in between. Both sides use the same parser, llhttp; a doubt costs the time of aiohttp,
never a wrong answer.

A request is started at a boundary that the parser has seen, with all its bytes here. That is where load is
shed: before the body is looked at, the policy (`LoadShedder`) lets the request start, queues it for a later
iteration of the loop, or refuses it. Refusals wait until what has arrived is read (`DeferredResponses`).
aiohttp's handlers ask the same policy, but do not queue. A connection starts at most one request in an
iteration of the loop, so what a client sends ahead cannot hold up others.

A client may close its half of the connection when it has sent everything: it gets the answers that are
due, and then the other half is closed (section 9.6). So a client that ends a connection in order and one
that waits for an answer look the same; only a reset cancels an order.
"""

from __future__ import annotations

import asyncio
from typing import cast

from coffeert.server.http.connection_limiter import ConnectionLimiter
from coffeert.server.http.responses import TOO_MANY_CONNECTIONS, ResponseEncoder
from coffeert.server.ingest.rate_limit import TokenBucket


class Connection(asyncio.Protocol):
    """What both protocols of a connection have: its transport, and what limits its client.

    `bucket` is `None` for a client without a limit.
    """

    __slots__ = ("_address", "_began", "_limiter", "_loop", "_transport", "bucket", "has_spoken")

    def __init__(self, limiter: ConnectionLimiter) -> None:
        self.bucket: TokenBucket | None = None
        self.has_spoken = False
        self._limiter = limiter
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._began: float | None = None  # when the request that is not complete began

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless the client's address has too many connections."""
        opened = cast(asyncio.Transport, transport)
        peer = opened.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._limiter.add(self, address):
            opened.write(ResponseEncoder().encode(TOO_MANY_CONNECTIONS, "1.1", keep_alive=False))
            opened.close()
            return
        self._transport, self._address = opened, address
        self._began = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._transport is not None:
            self._transport = None
            self._limiter.remove(self, self._address)

    def consume_quota(self, orders: int) -> None:
        """Count orders against what the client may send; raises `TooManyRequests`."""
        if self.bucket is not None:
            self.bucket.consume(orders)

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # The limiter asks these of a connection that aiohttp has as well. aiohttp itself times out what is
    # idle and bodies that are slow, and closes its connections when it ends.

    def headers_overdue(self, since: float) -> bool:
        """Return True if a request began before `since` and its head is not complete."""
        return self._began is not None and self._began < since

    def is_idle(self, since: float) -> bool:
        """Return True if nothing has arrived after an answer given here before `since`."""
        return False

    def delegate_slow_body(self, since: float) -> None:
        """Leave a body that is not complete to aiohttp, if it began before `since`."""

    @property
    def is_answering(self) -> bool:
        """Whether a request that was read here waits for its answer."""
        return False

    def close(self) -> None:
        """End a connection that is read here when what is being answered is sent."""

    def _hand_over(self, to: Connection) -> asyncio.Transport:
        """Have another protocol called from now on."""
        transport, self._transport = self._transport, None
        assert transport is not None
        to.bucket, to._transport, to._address = self.bucket, transport, self._address
        to._began = self._began
        self._limiter.replace(self, to)
        transport.set_protocol(to)
        return transport
