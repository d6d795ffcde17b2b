"""Refusals that wait until what has arrived is read, and are then sent in bursts."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

BURST: Final = 64
"""Responses: so many sockets are still in the processor's cache when they are written to."""

MAX_BEFORE_ALL_IS_READ: Final = 512
"""Responses in one iteration of the loop."""


class Refused(Protocol):
    """A connection with a response to send."""

    def flush(self) -> None:
        """Send the response, unless it was sent."""


class DeferredResponses:
    """The connections whose refusals are due in this iteration of the loop."""

    __slots__ = ("_due", "_in_iteration", "_loop")

    def __init__(self) -> None:
        self._due: list[Refused] = []
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
