"""How long to wait before the next attempt.

Not a library such as stamina: a feed must tell its reader the delay before it
sleeps and cut it short on demand, a server's `Retry-After` must still be jittered, and an injector
places thousands of orders a second: of the 100 microseconds that one costs it, a retry context that
is hardly ever needed would take 40 more.
"""

from __future__ import annotations

import random

INITIAL = 0.1
LONGEST = 10.0
_SPREAD = 0.25


class Backoff:
    """Exponential delays, jittered so that clients of one server do not come back all at once."""

    __slots__ = ("_initial", "_longest", "failures")

    def __init__(self, initial: float = INITIAL, longest: float = LONGEST) -> None:
        self._initial = initial
        self._longest = longest
        self.failures = 0

    def next_delay(self, retry_after: float | None = None) -> float:
        """Return the seconds to wait; never less than the server's `retry_after`."""
        self.failures += 1
        if retry_after is not None:
            return retry_after * random.uniform(1, 1 + _SPREAD)
        ceiling = min(self._initial * 2.0 ** min(self.failures - 1, 30), self._longest)
        return random.uniform(ceiling / 2, ceiling)

    def reset(self) -> None:
        """Begin anew, after a success."""
        self.failures = 0
