"""The doorway of the server: counts the connections of each address, and cuts off who dawdles in it.

aiohttp has no time limit for the headers of a request, so a `ConnectionGuard` stands between each connection and
aiohttp's own protocol. It uses nothing but asyncio's protocol interface.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable
from typing import Final, cast

import structlog
from aiohttp import web

from coffeert.errors import TooManyRequests
from coffeert.server.http.limits import TokenBucket
from coffeert.server.http.refusals import DeferredResponses
from coffeert.server.http.responses import refusal
from coffeert.server.ingest.load_shedding import A_BATCH, LoadShedder, for_batches, orders_in

log = structlog.get_logger(__name__)

_END_OF_HEAD = b"\r\n\r\n"
_SWEEP = 1.0
_TOLD_EVERY = 60.0  # seconds: strangers are not to fill the log
_ADDRESSES_KEPT = 10_000

KEEPALIVE: Final = 75.0
"""Seconds for which a connection may rest between requests, whoever minds it, aiohttp or its gatekeeper."""


class ConnectionLimiter:
    """Knows every connection of a server; those from this machine have no limit but time.

    `connections` and `rate` (orders a second) are for each address, 0 for no limit; `header_timeout`
    is in seconds. `first` makes the protocol that a connection begins with, until it hands over;
    without it, that is aiohttp's from the beginning.
    """

    def __init__(
        self,
        *,
        connections: int,
        rate: float,
        header_timeout: float,
        exempt_loopback: bool = True,
        shedder: LoadShedder | None = None,
        batches: LoadShedder | None = None,
        first: Callable[[ConnectionGuard], asyncio.Protocol] | None = None,
    ) -> None:
        self.first = first
        self.shedder = shedder or LoadShedder()
        self.batches = batches or for_batches()
        self.refusals = DeferredResponses()
        self.refused = self.cut = self.untold = 0
        self._connections = connections
        self._rate = rate
        self._header_timeout = header_timeout
        self._exempt_loopback = exempt_loopback
        self._told_at = float("-inf")
        self._gates: set[ConnectionGuard] = set()
        self._counts: Counter[str] = Counter()
        self._allowances: dict[str, TokenBucket] = {}

    def enter(self, gate: ConnectionGuard, address: str) -> bool:
        """Let a connection in and tell it what it may do; `False` where its address has too many."""
        if not (self._exempt_loopback and is_local(address)):
            if self._connections and self._counts[address] >= self._connections:
                self.refused += 1
                return False
            if self._rate:
                gate.allowance = self._allowance(address)
        self._counts[address] += 1
        self._gates.add(gate)
        return True

    def leave(self, gate: ConnectionGuard, address: str) -> None:
        """Forget a connection."""
        self._gates.discard(gate)
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]

    async def run(self) -> None:
        """Cut off who dawdles, until cancelled."""
        while True:
            await asyncio.sleep(min(_SWEEP, self._header_timeout / 4))
            self.sweep(asyncio.get_running_loop().time())

    def sweep(self, now: float) -> None:
        """Cut off who has taken too long over the headers of a request, or has sent nothing at all.

        Those who have been silent since their last answer are let go after as long as aiohttp waits.
        """
        for gate in [gate for gate in self._gates if gate.rests(now - KEEPALIVE)]:
            gate.close()
        slow = [gate for gate in self._gates if gate.dawdles(now - self._header_timeout)]
        for gate in slow:
            gate.cut()
        self.cut += len(slow)
        # Of connections that were opened and not used nothing is said: browsers make them in advance.
        self.untold += sum(gate.has_spoken for gate in slow)
        if self.untold and now - self._told_at >= _TOLD_EVERY:
            log.warning("slow senders cut off", connections=self.untold, total=self.cut)
            self.untold, self._told_at = 0, now

    def close(self) -> None:
        """Let the connections go that aiohttp does not know of, when their answers are sent."""
        for gate in list(self._gates):
            gate.close()

    def _allowance(self, address: str) -> TokenBucket:
        # Connections come and go, but what their address has used up stays.
        if len(self._allowances) > _ADDRESSES_KEPT:
            self._allowances = {a: kept for a, kept in self._allowances.items() if not kept.full}
        return self._allowances.setdefault(address, TokenBucket(self._rate))


class ConnectionGuard(asyncio.Protocol):
    """One connection: passes everything on to a protocol, and notes what is unfinished.

    `protocol` makes the one of aiohttp. `busy` counts the requests being answered; `allowance` is
    `None` for a client without a limit; `has_spoken`: at least one byte has come.
    """

    __slots__ = (
        "_address",
        "_admitted",
        "_began",
        "_ends_a_head",
        "_handed_over",
        "_in_line",
        "_inner",
        "_keeper",
        "_loop",
        "_protocol",
        "_quiet_since",
        "_refused",
        "_shedder",
        "_transport",
        "allowance",
        "busy",
        "has_spoken",
    )

    def __init__(self, protocol: Callable[[], asyncio.Protocol], keeper: ConnectionLimiter) -> None:
        self.allowance: TokenBucket | None = None
        self.busy = 0
        self.has_spoken = False
        self._protocol = protocol
        self._inner: asyncio.Protocol | None = None
        self._keeper = keeper
        self._shedder = keeper.shedder  # where what came last belongs
        self._loop = asyncio.get_running_loop()
        self._address = ""
        self._ends_a_head = False
        self._handed_over = keeper.first is None
        self._admitted = 0  # orders that are counted as inside
        self._in_line: bytes | None = None  # an order that waits for its turn
        self._refused = b""  # what is to be told
        self._began: float | None = None
        self._quiet_since: float | None = None  # where aiohttp does not mind that
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, or refuse it before anything is read."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._keeper.enter(self, address):
            self._transport.write(_TOO_MANY)
            self._transport.close()
            return
        self._address = address
        self._began = self._loop.time()
        first = self._keeper.first
        self._inner = self._protocol() if first is None else first(self)
        self._inner.connection_made(transport)

    def hand_over(self, data: bytes) -> None:
        """Leave the connection to aiohttp for good, beginning with these bytes."""
        assert self._transport is not None
        self._handed_over = True
        self._quiet_since = None
        self._inner = self._protocol()
        self._inner.connection_made(self._transport)
        self._inner.data_received(data)

    def put_before(self, make: Callable[[asyncio.Protocol], asyncio.Protocol]) -> None:
        """Have a protocol get everything before the present one, where nothing came after a request."""
        if self._inner is not None and self._ends_a_head:
            self._inner = make(self._inner)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; the first ones of a request start its time, that of the first one runs."""
        if self._inner is None:
            return
        if self._refused:
            self.send_refusal(self._loop.time())  # answers go in the order of the requests
        if self._in_line is not None:
            self.come_in()  # and so do the requests
        batch = data.startswith(A_BATCH)
        shedder = self._keeper.batches if batch else self._keeper.shedder
        orders = orders_in(data) if batch else 1
        if (shedder.full or shedder.shedding) and self._stops(data, shedder, orders):
            return
        self._pass_on(data, shedder, orders)

    def come_in(self) -> None:
        """Pass on the order that waits in line, if its client is still there."""
        data, self._in_line = self._in_line, None
        if data is not None:
            self._pass_on(data, self._shedder, self._admitted)

    def _pass_on(self, data: bytes, shedder: LoadShedder, orders: int) -> None:
        assert self._inner is not None
        self.has_spoken = True
        self._ends_a_head = data.endswith(_END_OF_HEAD)
        if self._began is None and not self.busy:
            self._began = self._loop.time()
        if shedder.enter(orders):
            self._loop.call_soon(shedder.turn)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the client's side on."""
        self.come_in()
        return None if self._inner is None else self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end on."""
        inner, self._inner = self._inner, None  # which knows this gate: a cycle
        self._in_line = None
        if inner is not None:
            self._leave()
            self._keeper.leave(self, self._address)
            inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on that the client reads too slowly."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client reads again."""
        if self._inner is not None:
            self._inner.resume_writing()

    def begin(self) -> None:
        """Note that the headers of a request are complete."""
        self.busy += 1
        self._began = None

    def end(self) -> None:
        """Note that a request is answered."""
        self.busy -= 1
        if not self._handed_over:
            self._quiet_since = self._loop.time()
        self._leave()

    def spend(self, orders: int) -> None:
        """Count orders against what the client may send; raises `TooManyRequests`."""
        if self.allowance is not None:
            self.allowance.take(orders)

    def _stops(self, data: bytes, shedder: LoadShedder, orders: int) -> bool:
        """Have orders wait in line, or refuse them unread; what is not them by themselves passes."""
        unfinished = self._began is not None and self.has_spoken
        if unfinished or self.busy or self._admitted or not shedder.is_whole(data):
            return False
        if not shedder.admits(orders):
            self._refused = shedder.refusal
            self._keeper.refusals.add(self)
        else:
            self._admitted, self._shedder = orders, shedder
            if not shedder.full:
                return False
            self._in_line = data
            shedder.wait(self)
        self._began = None
        self.has_spoken = True
        return True

    def _leave(self) -> None:
        if self._admitted:
            orders, self._admitted = self._admitted, 0
            self._shedder.leave(orders)

    def send_refusal(self, now: float) -> None:
        """Send the refusal that is due, unless it was sent, or the client has gone."""
        refused, self._refused = self._refused, b""
        if refused and self._inner is not None and self._transport is not None:
            self._transport.write(refused)
            if not self._handed_over:
                self._quiet_since = now

    def dawdles(self, since: float) -> bool:
        """Tell whether a request was begun before `since` and its headers are still not complete."""
        return not self.busy and self._began is not None and self._began < since

    def rests(self, since: float) -> bool:
        """Tell whether nothing has come after an answer given before `since`, and nobody else minds."""
        awaited = self.busy or self._in_line is not None
        return not awaited and self._quiet_since is not None and self._quiet_since < since

    def close(self) -> None:
        """End the connection when what was written is sent, unless aiohttp has it."""
        if not self._handed_over and self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()


def gate_of(request: web.Request) -> ConnectionGuard | None:
    """Return the gate that a request came through; `None` where the application runs without."""
    transport = request.transport
    protocol = transport.get_protocol() if transport is not None else None
    return protocol if isinstance(protocol, ConnectionGuard) else None


def spend(request: web.Request, orders: int = 1) -> None:
    """Count orders against what their client may send; raises `TooManyRequests`."""
    gate = gate_of(request)
    if gate is not None:
        gate.spend(orders)


def is_local(address: str) -> bool:
    """Tell whether a peer's address is of this machine; a Unix socket has none."""
    if not address:
        return True
    try:
        return ipaddress.ip_address(address.split("%")[0]).is_loopback
    except ValueError:
        return False


_TOO_MANY = refusal(
    TooManyRequests("Too many connections from this address.", retry_after=5),
    b"Connection: close\r\n\r\n",
)
