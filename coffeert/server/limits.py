"""Limits of one client: its connections, its time to send a request, and its rate of orders.

aiohttp has no time limit for the headers of a request, so a `Gate` stands between each connection and
aiohttp's protocol. It uses nothing but asyncio's own protocol interface.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, cast

import structlog
from aiohttp import StreamReader, web

from coffeert.errors import RequestTimeout, TooManyRequests

log = structlog.get_logger(__name__)

_SWEEP = 1.0
_SLOWEST = 1024  # bytes a second that a body must keep up after its first seconds
_ADDRESSES_KEPT = 10_000
_FULL: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: application/problem+json\r\nContent-Length: 110\r\n\r\n"
    b'{"type":"about:blank","title":"Too many requests","status":429,'
    b'"detail":"Too many connections from here.","x":""}'
)


class Allowance:
    """How many orders a client may still send: a bucket that fills at `rate` orders a second.

    It holds one second's worth, and a batch may overdraw it: then the next waits until it is even.
    """

    __slots__ = ("_at", "_clock", "_level", "_rate")

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._level = max(1.0, rate)
        self._at = clock()

    @property
    def full(self) -> bool:
        """Whether nothing was taken lately, so that forgetting it changes nothing."""
        return self._level + (self._clock() - self._at) * self._rate >= max(1.0, self._rate)

    def take(self, orders: int) -> None:
        """Count orders; raises `TooManyRequests` where the bucket is empty."""
        now = self._clock()
        self._level = min(max(1.0, self._rate), self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < 1:
            wait = math.ceil((1 - self._level) / self._rate)
            raise TooManyRequests("Too many orders from this address.", retry_after=max(1, wait))
        self._level -= orders


class Gatekeeper:
    """Knows every connection of a server. Addresses of this machine have no limits but time.

    `connections` and `rate` (orders a second) are for each address, 0 for no limit; `header_timeout`
    is in seconds.
    """

    def __init__(
        self, *, connections: int, rate: float, header_timeout: float, exempt_loopback: bool = True
    ) -> None:
        self.refused = self.cut = 0
        self._connections = connections
        self._rate = rate
        self._header_timeout = header_timeout
        self._exempt_loopback = exempt_loopback
        self._gates: set[Gate] = set()
        self._counts: Counter[str] = Counter()
        self._allowances: dict[str, Allowance] = {}

    def enter(self, gate: Gate, address: str) -> bool:
        """Let a connection in and tell it what it may do; `False` where its address has too many."""
        if not (self._exempt_loopback and _is_loopback(address)):
            if self._connections and self._counts[address] >= self._connections:
                self.refused += 1
                return False
            if self._rate:
                gate.allowance = self._allowances.setdefault(address, Allowance(self._rate))
        self._counts[address] += 1
        self._gates.add(gate)
        return True

    def leave(self, gate: Gate, address: str) -> None:
        """Forget a connection."""
        self._gates.discard(gate)
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]

    async def run(self) -> None:
        """Cut off who takes too long to send the headers of a request, until cancelled."""
        while True:
            await asyncio.sleep(min(_SWEEP, self._header_timeout / 4))
            self.sweep(asyncio.get_running_loop().time())

    def sweep(self, now: float) -> None:
        """Cut off who has been sending the headers of a request for too long."""
        slow = [gate for gate in self._gates if gate.late(now - self._header_timeout)]
        for gate in slow:
            gate.cut()
        if slow:
            self.cut += len(slow)
            log.warning("slow senders cut off", connections=len(slow), total=self.cut)
        if len(self._allowances) > _ADDRESSES_KEPT:
            self._allowances = {a: kept for a, kept in self._allowances.items() if not kept.full}


class Gate(asyncio.Protocol):
    """One connection: passes everything on to aiohttp's protocol, and notes what is unfinished.

    `busy` counts the requests being answered; `allowance` is `None` for a client without a limit.
    """

    __slots__ = ("_address", "_began", "_inner", "_keeper", "_loop", "_transport", "allowance", "busy")

    def __init__(self, inner: asyncio.Protocol, keeper: Gatekeeper) -> None:
        self.allowance: Allowance | None = None
        self.busy = 0
        self._inner = inner
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._address: str | None = None
        self._began: float | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, or refuse it before anything is read."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._keeper.enter(self, address):
            self._transport.write(_FULL)
            self._transport.close()
            return
        self._address = address
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; the first ones of a request start its time."""
        if self._address is None:
            return
        if self._began is None and not self.busy:
            self._began = self._loop.time()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the client's side on."""
        return self._inner.eof_received() if self._address is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end on."""
        if self._address is not None:
            self._keeper.leave(self, self._address)
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on that the client reads too slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client reads again."""
        self._inner.resume_writing()

    def begin(self) -> None:
        """Note that the headers of a request are complete."""
        self.busy += 1
        self._began = None

    def end(self) -> None:
        """Note that a request is answered."""
        self.busy -= 1

    def late(self, limit: float) -> bool:
        """Tell whether a request was begun before `limit` and its headers are still not complete."""
        return not self.busy and self._began is not None and self._began < limit

    def cut(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()


def gate_of(request: web.Request) -> Gate | None:
    """Return the gate that a request came through; `None` where the application runs without."""
    transport = request.transport
    protocol = transport.get_protocol() if transport is not None else None
    return protocol if isinstance(protocol, Gate) else None


def spend(request: web.Request, orders: int = 1) -> None:
    """Count orders against what their client may send; raises `TooManyRequests`."""
    gate = gate_of(request)
    if gate is not None and gate.allowance is not None:
        gate.allowance.take(orders)


class BodyClock:
    """The time that a client may let us wait for a body: `patience` seconds, and more as it sends.

    Only waiting for the client counts, never our own work on what it has sent.
    """

    def __init__(self, patience: float) -> None:
        self._left = patience

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Wait for bytes inside; raises `RequestTimeout` where they take too long."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(max(0.0, self._left)):
                yield
        except TimeoutError:
            raise RequestTimeout("The body takes too long to arrive.") from None
        self._left -= loop.time() - started

    async def chunks(self, content: StreamReader) -> AsyncIterator[bytes]:
        """Read a body as it arrives; raises `RequestTimeout`."""
        while True:
            if content.is_eof() or content.total_bytes == 0 or not _has_data(content):
                async with self.waiting():
                    data = await content.readany()
            else:
                data = await content.readany()
            if not data:
                return
            self._left += len(data) / _SLOWEST
            yield data


def _has_data(content: StreamReader) -> bool:
    return False


def _is_loopback(address: str) -> bool:
    if not address:
        return True  # a Unix socket
    try:
        return ipaddress.ip_address(address.split("%")[0]).is_loopback
    except ValueError:
        return False
