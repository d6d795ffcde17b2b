"""Load shedding: orders that come faster than they can be taken wait in line, or are refused at once.

What overloads a server first is its one event loop, and a queue in front of that is in nobody's count:
requests wait in their sockets, and each that is answered late was worth as much work as one in time.
So everything that has come is read in each turn of the loop, and only so much of it passed on.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

from coffeert.errors import Unavailable
from coffeert.server.http.responses import batch_refusal, refusal

_A_TURN = 64  # orders; each takes some 30 us, and 70 where aiohttp reads it
_TARGET = 0.02
_A_TURN_IN_BATCHES = 500  # each takes some 9 us
_TARGET_IN_BATCHES = 0.1
_WAIT_IN_BATCHES = 0.05
_A_BATCH = 8  # costs as much as so many of its orders
_STANDING = 0.1
_RELIEVED = 1.0
_WAIT = 0.01
_MEASURED = 0.05
_SMOOTHING = 0.3
_ROOM_MIN = 64
_RETRY_AFTER = 1
_HEAD_LIMIT = 2_048  # bytes
_HEADS_KEPT = 512

_HEADERS = rb" HTTP/1\.1\r\n(?:[!-9;-~]+:[^\r\n]*\r\n)+\r\n"
_ORDER = re.compile(rb"POST /api/orders" + _HEADERS)
_BATCH = re.compile(rb"POST /api/orders/batch" + _HEADERS)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,7})\r\n", re.IGNORECASE)
_UNUSUAL = re.compile(
    rb"\r\n(?:transfer-encoding|content-encoding|expect|connection|upgrade):", re.IGNORECASE
)


def overloaded() -> Unavailable:
    """Say why an order is refused unread, and when to come back."""
    return Unavailable("Orders arrive faster than they can be taken.", retry_after=_RETRY_AFTER)


REFUSAL: Final = refusal(overloaded())
"""The answer to an order that is refused unread; the connection stays open."""

A_BATCH: Final = b"POST /api/orders/batch "
"""What a request to place a batch of orders begins with."""

BATCH_REFUSAL: Final = batch_refusal(overloaded())
"""The same to a batch."""


class Waiting(Protocol):
    """An order that stands in line."""

    def come_in(self) -> None:
        """Come in, counted by `enter`, unless its client has gone."""


class LoadShedder:
    """Lets so many requests a turn of the loop pass, has orders beyond wait in line, or refuses them.

    A line that passes by itself is a burst, and bursts are served. One in which the first has waited
    for 20 ms or more, for 100 ms on end, is a standing queue (the distinction of CoDel, Nichols and
    Jacobson 2012). From then on so many orders are let in as are answered within 10 ms at the present
    rate, by Little's law and over the time that `commit_seconds` tells, until for a second nobody had to
    be refused. Whoever is in line by then stays there: a refusal is quick or is none.

    `full`: so many have passed in this turn that orders wait for the next one. A turn is of `a_turn`
    orders, `target` and `wait` are the 20 and the 10 ms; `refusal` is what the gate answers, and
    `is_whole` tells of which requests it may.
    `room`: how many may be inside at once while shedding.
    """

    def __init__(
        self,
        commit_seconds: Callable[[], float] = lambda: 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        a_turn: int = _A_TURN,
        target: float = _TARGET,
        wait: float = _WAIT,
        refusal: bytes = REFUSAL,
        is_whole: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.refusal = refusal
        self.is_whole = is_whole or is_whole_order
        self.room = _ROOM_MIN
        self.shed = 0
        self.shedding = self.full = False
        self._commit_seconds = commit_seconds
        self._clock = clock
        self._a_turn = a_turn
        self._target = target
        self._wait = wait
        self._line: deque[tuple[Waiting, float]] = deque()
        self._passed = 0
        self._standing_since: float | None = None
        self._refused_at = self._began_at = float("-inf")
        self._inside = self._answered = self._answered_before = 0
        self._rate = 0.0
        self._measured_at = clock()

    @property
    def refusing(self) -> bool:
        """Whether somebody was refused within the last second."""
        return self._clock() - self._refused_at <= _RELIEVED

    def enter(self, orders: int = 1) -> bool:
        """Count a request that passes; tell whether it is the first, so that `turn` is due next."""
        first = not self._passed
        self._passed += orders
        self.full = self._passed >= self._a_turn
        return first

    def admits(self, orders: int = 1) -> bool:
        """Tell whether one more request may come in; one that does must `leave` when it is answered.

        Asked while `shedding` or `full`.
        """
        if not self.shedding or self._inside < self.room:
            self._inside += orders
            return True
        self.shed += orders
        self._refused_at = self._clock()
        return False

    def wait(self, order: Waiting) -> None:
        """Put an order in line, that was admitted and comes in when it is its turn."""
        self._line.append((order, self._clock()))

    def leave(self, orders: int = 1) -> None:
        """Note that a request that was admitted is answered, or its client has gone."""
        self._inside -= orders
        self._answered += orders

    def turn(self) -> None:
        """Begin a turn of the loop: look how long the line stands, and let the first of it come in."""
        now, line = self._clock(), self._line
        self._passed, self.full = 0, False
        self._measure(now)
        self.room = max(_ROOM_MIN, int(self._rate * (self._wait + 2 * self._commit_seconds())))
        self._judge(now, now - line[0][1] if line else 0.0)
        while line and not self.full:
            line.popleft()[0].come_in()

    def _judge(self, now: float, waited: float) -> None:
        if waited < self._target:
            self._standing_since = None
        elif self._standing_since is None:
            self._standing_since = now - waited
        if self.shedding:
            self.shedding = now - max(self._refused_at, self._began_at) <= _RELIEVED
        elif self._standing_since is not None and now - self._standing_since >= _STANDING:
            self.shedding, self._began_at = True, now

    def _measure(self, now: float) -> None:
        seconds = now - self._measured_at
        if seconds < _MEASURED:
            return
        rate = (self._answered - self._answered_before) / seconds
        self._rate += _SMOOTHING * (rate - self._rate) if self.shedding else rate - self._rate
        self._answered_before, self._measured_at = self._answered, now


def for_batches(
    commit_seconds: Callable[[], float] = lambda: 0.0,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> LoadShedder:
    """Make a shedder for batches, which may wait longer: nobody stands at the till."""
    return LoadShedder(
        commit_seconds,
        clock=clock,
        a_turn=_A_TURN_IN_BATCHES,
        target=_TARGET_IN_BATCHES,
        wait=_WAIT_IN_BATCHES,
        refusal=BATCH_REFUSAL,
        is_whole=is_whole_batch,
    )


def orders_in(data: bytes) -> int:
    """Count the orders of a batch by its lines, and what it costs itself as further ones."""
    return _A_BATCH + data.count(b"\n")


def is_whole_order(data: bytes) -> bool:
    """Tell whether bytes are one request to place an order, complete and without anything unusual.

    Only of such a request can one be sure without parsing it in full, so only such wait or are refused.
    """
    body = data.find(b"\r\n\r\n", 0, _HEAD_LIMIT) + 4
    return body >= 4 and len(data) - body == _of_order(data[:body])


def is_whole_batch(data: bytes) -> bool:
    """Tell whether bytes are one request to place a batch, as `is_whole_order` does."""
    body = data.find(b"\r\n\r\n", 0, _HEAD_LIMIT) + 4
    return body >= 4 and len(data) - body == _of_batch(data[:body])


@lru_cache(_HEADS_KEPT)  # a client's are all alike but for the length
def _of_order(head: bytes) -> int | None:
    return _body_length(head, _ORDER)


@lru_cache(_HEADS_KEPT)
def _of_batch(head: bytes) -> int | None:
    return _body_length(head, _BATCH)


def _body_length(head: bytes, kind: re.Pattern[bytes]) -> int | None:
    lengths = _LENGTH.findall(head)
    if len(lengths) != 1 or not kind.fullmatch(head) or _UNUSUAL.search(head):
        return None
    return int(lengths[0])
