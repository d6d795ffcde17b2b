"""How long to wait before the next attempt: exponential back-off with jitter.

Not a library such as stamina, because a feed reports the delay before it sleeps and cuts it short on
demand, a server's `Retry-After` must still be jittered, and an injector places thousands of orders a
second: a retry context, hardly ever needed, would add 40 microseconds to the 100 that an order costs.
"""

from __future__ import annotations

import random

INITIAL_SECONDS = 0.1
MAX_SECONDS = 10.0
_JITTER = 0.25


class Backoff:
    """Delays that double from `initial` up to `longest` seconds, jittered to spread the clients."""

    __slots__ = ("_initial", "_longest", "failures")

    def __init__(self, initial: float = INITIAL_SECONDS, longest: float = MAX_SECONDS) -> None:
        self._initial = initial
        self._longest = longest
        self.failures = 0

    def next_delay(self, retry_after: float | None = None, longest: float | None = None) -> float:
        """Count a failure and return the seconds to wait, never less than `retry_after`.

        `longest` replaces the limit this once.
        """
        self.failures += 1
        if retry_after is not None:
            return retry_after * random.uniform(1, 1 + _JITTER)
        limit = self._longest if longest is None else longest
        ceiling = min(self._initial * 2.0 ** min(self.failures - 1, 30), limit)
        return random.uniform(ceiling / 2, ceiling)

    def reset(self) -> None:
        """Start over with short delays, after a success."""
        self.failures = 0
