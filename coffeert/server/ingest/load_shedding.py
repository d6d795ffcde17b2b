"""Load shedding: orders that arrive faster than they can be taken are queued, or refused at once.

What overloads a server first is its one event loop. A queue in front of that is counted by nobody:
requests wait in their sockets, and each that is answered late costs as much work as one in time. So
everything that has arrived is read in each iteration of the loop, and only so much of it is started.

This is the policy alone. It knows neither HTTP nor WebSocket; the front ends ask it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from coffeert.errors import Unavailable

_MAX_ORDERS_PER_ITERATION = 64  # each takes some 30 us, and 70 through aiohttp
_TARGET_SECONDS = 0.02
_MAX_ORDERS_PER_ITERATION_IN_BATCHES = 500  # each takes some 9 us
_TARGET_SECONDS_OF_BATCHES = 0.1
_MAX_WAIT_SECONDS_OF_BATCHES = 0.05
_MAX_ITERATION_SECONDS = 0.01  # for orders that take longer than those above
_MAX_SHARE_SECONDS = 0.05  # of an iteration under overload
_STANDING_SECONDS = 0.1
_RELIEVED_SECONDS = 1.0
_MAX_WAIT_SECONDS = 0.01
_MEASURE_SECONDS = 0.05
_SMOOTHING = 0.3
_MIN_LIMIT = 64
_RETRY_AFTER_SECONDS = 1

BATCH_OVERHEAD: Final = 8
"""What a batch costs beside its lines, in orders."""


def overloaded() -> Unavailable:
    """Make the error of an order that is refused before it is decoded."""
    return Unavailable(
        "Orders arrive faster than they can be taken.", retry_after=_RETRY_AFTER_SECONDS
    )


class QueuedOrder(Protocol):
    """An order, or a batch of them, in the queue of a `LoadShedder`."""

    def resume(self) -> None:
        """Start it, which `enter` counts, unless its client has gone."""


class LoadShedder:
    """Starts so many orders in an iteration of the loop, queues those beyond, or refuses them.

    A queue that empties by itself is a burst, and bursts are served. A queue whose first order has
    waited for 20 ms or more, for 100 ms on end, is a standing queue (the distinction of CoDel: Nichols
    and Jacobson, 2012). From then on so many orders are admitted as are answered within 10 ms at the
    present rate, by Little's law and over the time that `commit_seconds` returns, until for a second
    none had to be refused. Orders in the queue by then stay there: they are refused at once or not at all.
    Refusals make an iteration long, so while load is shed orders have half of the time that the last one
    took, 10 to 50 ms, instead of a number; or the more is refused, the less would be stored.

    `full`: so much was started in this iteration that further orders are queued for the next.
    `per_iteration` is in orders; `target_seconds` and `max_wait_seconds` are the 20 and the 10 ms.
    `limit`: how many orders may be in flight while load is shed.
    """

    def __init__(
        self,
        commit_seconds: Callable[[], float] = lambda: 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        per_iteration: int = _MAX_ORDERS_PER_ITERATION,
        target_seconds: float = _TARGET_SECONDS,
        max_wait_seconds: float = _MAX_WAIT_SECONDS,
    ) -> None:
        self.limit = _MIN_LIMIT
        self.shed = 0
        self.shedding = self.full = False
        self._commit_seconds = commit_seconds
        self._clock = clock
        self._per_iteration = per_iteration
        self._target_seconds = target_seconds
        self._max_wait_seconds = max_wait_seconds
        self._queue: deque[tuple[QueuedOrder, float]] = deque()
        self._started = 0
        self._iteration_began = self._resumed_at = 0.0
        self._iteration_seconds = _MAX_ITERATION_SECONDS
        self._standing_since: float | None = None
        self._refused_at = self._shedding_since = float("-inf")
        self._in_flight = self._answered = self._answered_before = 0
        self._rate = 0.0
        self._measured_at = clock()

    @property
    def refusing(self) -> bool:
        """Whether an order was refused within the last second."""
        return self._clock() - self._refused_at <= _RELIEVED_SECONDS

    @property
    def exhausted(self) -> bool:
        """Whether a further order would be refused now."""
        return self.shedding and self._in_flight >= self.limit

    def enter(self, orders: int = 1) -> bool:
        """Count orders that are started; True if `next_iteration` is due, since they are the first."""
        now = self._clock()
        first = not self._started
        if first:
            self._iteration_began = now
        self._started += orders
        enough = self._started >= self._per_iteration and not self.shedding
        self.full = enough or now - self._iteration_began >= self._iteration_seconds
        return first

    def try_admit(self, orders: int = 1) -> bool:
        """Return True if orders may be started or queued; `release` them when they are answered.

        Asked while `shedding` or `full`.
        """
        if not self.exhausted:
            self._in_flight += orders
            return True
        self.shed += orders
        self._refused_at = self._clock()
        return False

    def enqueue(self, order: QueuedOrder) -> None:
        """Queue an order that was admitted; it is resumed in a later iteration."""
        self._queue.append((order, self._clock()))

    def release(self, orders: int = 1) -> None:
        """Note that orders that were admitted are answered, or their client has gone."""
        self._in_flight -= orders
        self._answered += orders

    @contextmanager
    def admitting(self, orders: int = 1) -> Iterator[bool]:
        """Count orders as started for as long as the block runs; False if they must be refused.

        For those that cannot be queued.
        """
        counted = self.full or self.shedding
        if counted and not self.try_admit(orders):
            yield False
            return
        if self.enter(orders):
            asyncio.get_running_loop().call_soon(self.next_iteration)
        try:
            yield True
        finally:
            if counted:
                self.release(orders)

    def next_iteration(self) -> None:
        """Begin an iteration of the loop: judge the queue, and resume its first orders."""
        now, queue = self._clock(), self._queue
        self._started, self.full = 0, False
        share = min((now - self._resumed_at) / 2, _MAX_SHARE_SECONDS) if self.shedding else 0.0
        self._iteration_seconds = max(share, _MAX_ITERATION_SECONDS)
        self._resumed_at = now
        self._measure(now)
        wait = self._max_wait_seconds + 2 * self._commit_seconds()
        self.limit = max(_MIN_LIMIT, int(self._rate * wait))
        self._judge(now, now - queue[0][1] if queue else 0.0)
        while queue and not self.full:
            queue.popleft()[0].resume()

    def _judge(self, now: float, waited: float) -> None:
        if waited < self._target_seconds:
            self._standing_since = None
        elif self._standing_since is None:
            self._standing_since = now - waited
        if self.shedding:
            last = max(self._refused_at, self._shedding_since)
            self.shedding = now - last <= _RELIEVED_SECONDS
        elif self._standing_since is not None and now - self._standing_since >= _STANDING_SECONDS:
            self.shedding, self._shedding_since = True, now

    def _measure(self, now: float) -> None:
        seconds = now - self._measured_at
        if seconds < _MEASURE_SECONDS:
            return
        rate = (self._answered - self._answered_before) / seconds
        self._rate += _SMOOTHING * (rate - self._rate) if self.shedding else rate - self._rate
        self._answered_before, self._measured_at = self._answered, now


def for_batches(
    commit_seconds: Callable[[], float] = lambda: 0.0,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> LoadShedder:
    """Make the policy for batches, which may wait longer: no customer waits for them."""
    return LoadShedder(
        commit_seconds,
        clock=clock,
        per_iteration=_MAX_ORDERS_PER_ITERATION_IN_BATCHES,
        target_seconds=_TARGET_SECONDS_OF_BATCHES,
        max_wait_seconds=_MAX_WAIT_SECONDS_OF_BATCHES,
    )
