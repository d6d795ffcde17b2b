"""How many orders one client may send a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from coffeert.errors import TooManyRequests


class TokenBucket:
    """A bucket that fills at `rate` orders a second and holds one second's worth.

    A batch may overdraw it; the next order then waits until it is even.
    """

    __slots__ = ("_at", "_clock", "_level", "_rate")

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._level = max(1.0, rate)
        self._at = clock()

    @property
    def full(self) -> bool:
        """Whether forgetting the bucket would change nothing."""
        return self._level_at(self._clock()) >= max(1.0, self._rate)

    def consume(self, orders: int) -> None:
        """Count orders; raises `TooManyRequests`, and counts none, if the bucket is empty."""
        now = self._clock()
        self._level, self._at = self._level_at(now), now
        if self._level < 1:
            raise TooManyRequests(
                "Too many orders from this address.",
                retry_after=max(1, math.ceil((1 - self._level) / self._rate)),
            )
        self._level -= orders

    def _level_at(self, now: float) -> float:
        return min(max(1.0, self._rate), self._level + (now - self._at) * self._rate)
