"""Refusals that wait until what has arrived is read, and clients that sent again too soon after one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Protocol

BURST: Final = 64
"""Responses: so many sockets are still in the processor's cache when they are written to."""

MAX_BEFORE_ALL_IS_READ: Final = 512
"""Responses in one iteration of the loop."""

HOLD_SECONDS: Final = 0.5
"""After a refusal, and for a client that sends again within that time; half of the `Retry-After`."""

_RESUME_INTERVAL_SECONDS: Final = 0.01  # so that not each has a timer


class Refused(Protocol):
    """A connection of a client that was refused."""

    def flush(self) -> None:
        """Send the response, unless it was sent."""

    def look_again(self) -> None:
        """Decide again on the request that was held."""


class DeferredResponses:
    """The connections whose refusals are due in this iteration of the loop, and those that are held."""

    __slots__ = ("_due", "_held", "_in_iteration", "_loop")

    def __init__(self) -> None:
        self._due: list[Refused] = []
        self._held: deque[tuple[float, Refused]] = deque()
        self._in_iteration = 0
        self._loop = asyncio.get_running_loop()

    def add(self, refused: Refused) -> None:
        """Have a response sent, a burst at a time; after many bursts, when all that has arrived is read.

        A client that is refused while others are being read can send again before those are read, and
        again: the loop reads as long as there is something, and did so for seconds.
        """
        if not self._in_iteration:
            self._loop.call_soon(self._all_is_read)
        self._in_iteration += 1
        self._due.append(refused)
        if len(self._due) == BURST and self._in_iteration <= MAX_BEFORE_ALL_IS_READ:
            self._flush()

    def _all_is_read(self) -> None:
        self._in_iteration = 0
        self._flush()

    def _flush(self) -> None:
        due, self._due = self._due, []
        for refused in due:
            refused.flush()

    def hold(self, refused: Refused) -> None:
        """Have a connection look again at its request in half a second.

        Clients that send again at once, whatever `Retry-After` says, would keep the loop busy with
        refusals: at twice what it can store, that is most of what it does.
        """
        if not self._held:
            self._loop.call_later(HOLD_SECONDS, self._resume)
        self._held.append((self._loop.time() + HOLD_SECONDS, refused))

    def _resume(self) -> None:
        now = self._loop.time()
        while self._held and self._held[0][0] <= now:
            self._held.popleft()[1].look_again()
        if self._held:
            wait = max(_RESUME_INTERVAL_SECONDS, self._held[0][0] - now)
            self._loop.call_later(wait, self._resume)
