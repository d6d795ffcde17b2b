"""Load shedding: while the event loop lags, orders are refused at the door, where that is cheap.

What overloads a server first is its one loop, and a queue in front of that is in nobody's count: requests
wait in their sockets, and each that is answered late was worth as much work as one in time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Final

from coffeert.errors import Unavailable
from coffeert.wire.orders import Problem, encode

_TICK = 0.005
_TARGET = 0.02
_STANDING = 0.1
_RELIEVED = 1.0
_WAIT = 0.01
_MEASURED = 0.05
_SMOOTHING = 0.3
_ROOM_MIN = 64
_RETRY_AFTER = 1

_ORDER = re.compile(rb"POST /api/orders HTTP/1\.1\r\n(?:[!-9;-~]+:[^\r\n]*\r\n)+\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,7})\r\n", re.IGNORECASE)
_UNUSUAL = re.compile(rb"\r\n(?:transfer-encoding|expect|connection|upgrade):", re.IGNORECASE)


class LoadShedder:
    """Watches how late the event loop is, and tells whether one more order may come in.

    A lag that passes by itself is a burst, and bursts are served. One that stays above 20 ms for 100 ms is
    a standing queue (the distinction of CoDel, Nichols and Jacobson 2012). From then on so many orders are
    let in as are answered within 10 ms at the present rate, by Little's law and over the time that
    `commit_seconds` tells, until for a second nobody had to be refused.

    `refusing`: somebody was refused within that second.
    """

    def __init__(
        self,
        commit_seconds: Callable[[], float] = lambda: 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.shed = 0
        self.shedding = self.refusing = False
        self._commit_seconds = commit_seconds
        self._clock = clock
        self._late_since: float | None = None
        self._refused_at = 0.0
        self._inside = self._answered = self._answered_before = 0
        self._rate = 0.0
        self._turned_at = clock()

    @property
    def room(self) -> int:
        """How many orders may be inside at once while shedding."""
        return max(_ROOM_MIN, int(self._rate * (_WAIT + 2 * self._commit_seconds())))

    def admits(self) -> bool:
        """Tell whether one more order may come in; one that does must `leave` when it is answered."""
        if self._inside < self.room:
            self._inside += 1
            return True
        self.shed += 1
        self.refusing = True
        self._refused_at = self._clock()
        return False

    def leave(self) -> None:
        """Note that an order that was admitted is answered, or its client has gone."""
        self._inside -= 1
        self._answered += 1

    async def run(self) -> None:
        """Watch the loop until cancelled."""
        while True:
            due = self._clock() + _TICK
            await asyncio.sleep(_TICK)
            self.turn(max(0.0, self._clock() - due))

    def turn(self, lag: float) -> None:
        """Note how late the loop came round, in seconds."""
        now = self._clock()
        if lag < _TARGET:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now - lag
        if self.shedding:
            self._measure(now)
            self.shedding = now - self._refused_at <= _RELIEVED
            self.refusing = self.refusing and self.shedding
        elif self._late_since is not None and now - self._late_since >= _STANDING:
            self.shedding, self._refused_at = True, now
            self._rate, self._answered_before, self._turned_at = 0.0, self._answered, now

    def _measure(self, now: float) -> None:
        seconds = now - self._turned_at
        if seconds < _MEASURED:
            return
        rate = (self._answered - self._answered_before) / seconds
        self._rate += _SMOOTHING * (rate - self._rate) if self._rate else rate
        self._answered_before, self._turned_at = self._answered, now


def is_whole_order(data: bytes) -> bool:
    """Tell whether bytes are one request to place an order, complete and without anything unusual.

    Only of such a request can one be sure without parsing it in full, so only such are refused unread.
    """
    head = _ORDER.match(data)
    if head is None or _UNUSUAL.search(data, 0, head.end()):
        return False
    lengths = _LENGTH.findall(data, 0, head.end())
    return len(lengths) == 1 and len(data) == head.end() + int(lengths[0])


def _refusal() -> bytes:
    error = Unavailable("Orders arrive faster than they can be taken.", retry_after=_RETRY_AFTER)
    body = encode(Problem.of(error))
    return (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
        b"Retry-After: %d\r\nContent-Length: %d\r\n\r\n%b" % (_RETRY_AFTER, len(body), body)
    )


REFUSAL: Final = _refusal()
"""The answer to an order that is refused unread; the connection stays open."""
