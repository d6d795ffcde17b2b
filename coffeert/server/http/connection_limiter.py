"""The limits of all connections: how many an address may have, and how slowly a client may send."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from coffeert.net import is_local_address
from coffeert.server.ingest.rate_limit import TokenBucket

log = structlog.get_logger(__name__)

_SWEEP_SECONDS = 1.0
_LOG_INTERVAL = 60.0  # seconds: strangers must not fill the log
_MAX_BUCKETS = 10_000
_SLOW_BODY_SECONDS = 1.0
_LAST_REQUEST_SECONDS = 0.5
_CLOSE_SECONDS, _CLOSE_POLL_SECONDS = 2.0, 0.01

KEEPALIVE_SECONDS: Final = 75.0
"""How long a connection may be idle between requests, whether aiohttp has it or not."""


class LimitedConnection(Protocol):
    """What the limiter asks of a connection."""

    bucket: TokenBucket | None
    has_spoken: bool

    @property
    def is_answering(self) -> bool:
        """Whether a request that was read here waits for its answer."""

    def headers_overdue(self, since: float) -> bool:
        """Return True if a request began before `since` and its head is not complete."""

    def delegate_slow_body(self, since: float) -> None:
        """Leave a body that is not complete to aiohttp, which times it out, if it began before `since`."""

    def is_idle(self, since: float) -> bool:
        """Return True if nothing has arrived after an answer given here before `since`."""

    def close(self) -> None:
        """End the connection when what is being answered is sent, unless aiohttp has it."""

    def abort(self) -> None:
        """End the connection at once."""


class ConnectionLimiter:
    """Knows every connection of a server; those from this machine are limited in time only.

    `connections` and `rate` (orders a second) are for each address, 0 for no limit; `header_timeout`
    is in seconds, in which the head of a request must be complete. `closing`: each connection ends with its
    next answer.
    """

    def __init__(
        self,
        *,
        connections: int,
        rate: float,
        header_timeout: float,
        exempt_loopback: bool = True,
    ) -> None:
        self.refused = self.aborted = self.unreported = 0
        self.closing = False
        self._max_connections = connections
        self._rate = rate
        self._header_timeout = header_timeout
        self._exempt_loopback = exempt_loopback
        self._reported_at = float("-inf")
        self._connections: set[LimitedConnection] = set()
        self._counts: Counter[str] = Counter()
        self._buckets: dict[str, TokenBucket] = {}

    def add(self, connection: LimitedConnection, address: str) -> bool:
        """Count a connection and give it its bucket; False if its address has too many."""
        if not (self._exempt_loopback and is_local_address(address)):
            if self._max_connections and self._counts[address] >= self._max_connections:
                self.refused += 1
                return False
            if self._rate:
                connection.bucket = self._bucket(address)
        self._counts[address] += 1
        self._connections.add(connection)
        return True

    def remove(self, connection: LimitedConnection, address: str) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]

    def replace(self, old: LimitedConnection, new: LimitedConnection) -> None:
        """Know a connection by its next protocol."""
        self._connections.discard(old)
        self._connections.add(new)

    async def run(self) -> None:
        """Sweep again and again, until cancelled."""
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self._header_timeout / 4))
            self.sweep(asyncio.get_running_loop().time())

    def sweep(self, now: float) -> None:
        """Close idle connections and abort those whose heads are overdue."""
        for connection in list(self._connections):
            if connection.is_idle(now - KEEPALIVE_SECONDS):
                connection.close()
            else:
                connection.delegate_slow_body(now - _SLOW_BODY_SECONDS)
        slow = [
            connection
            for connection in self._connections
            if connection.headers_overdue(now - self._header_timeout)
        ]
        for connection in slow:
            connection.abort()
        self.aborted += len(slow)
        # Connections that were opened and never used are not logged: browsers make them in advance.
        self.unreported += sum(connection.has_spoken for connection in slow)
        if self.unreported and now - self._reported_at >= _LOG_INTERVAL:
            log.warning("slow clients aborted", connections=self.unreported, total=self.aborted)
            self.unreported, self._reported_at = 0, now

    async def announce_close(self) -> None:
        """Let each connection that aiohttp does not know end with its next answer, for half a second.

        To close one that is idle loses a request that is on its way, and its client does not know if it was
        read (RFC 9112, section 9.3.1). A proxy uses most of its connections in that time.
        """
        self.closing = True
        await self._wait_while(lambda one: one.is_idle(math.inf), _LAST_REQUEST_SECONDS)

    async def close(self) -> None:
        """Close the connections that aiohttp does not know, and wait until they are answered."""
        for connection in list(self._connections):
            connection.close()
        await self._wait_while(lambda one: one.is_answering, _CLOSE_SECONDS)

    async def _wait_while(
        self, concerned: Callable[[LimitedConnection], bool], seconds: float
    ) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while any(map(concerned, self._connections)):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_CLOSE_POLL_SECONDS)

    def _bucket(self, address: str) -> TokenBucket:
        # Connections come and go; what their address has used up stays.
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets = {a: bucket for a, bucket in self._buckets.items() if not bucket.full}
        return self._buckets.setdefault(address, TokenBucket(self._rate))
