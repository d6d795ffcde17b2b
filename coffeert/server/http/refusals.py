"""DeferredResponses on their way out: sent some at a time, while what has come is still being read."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

BURST: Final = 64
"""DeferredResponses: so many sockets are still in the processor's cache when they are written to."""

BEFORE_ALL_IS_READ: Final = 512
"""DeferredResponses a turn of the loop."""


class Refused(Protocol):
    """Somebody who is to be told."""

    def send_refusal(self, now: float) -> None:
        """Send the refusal that is due, unless it was sent; `now` is the loop's time."""


class DeferredResponses:
    """Those who are to be refused in this turn of the loop."""

    __slots__ = ("_due", "_in_turn", "_loop")

    def __init__(self) -> None:
        self._due: list[Refused] = []
        self._in_turn = 0
        self._loop = asyncio.get_running_loop()

    def add(self, refused: Refused) -> None:
        """Have one refused, a few at a time; after many, when everything that has come is read.

        Whoever is refused while others are being read can send again before those are looked after, and
        again: the loop reads as long as there is something, and did so for seconds.
        """
        if not self._in_turn:
            self._loop.call_soon(self._all_read)
        self._in_turn += 1
        self._due.append(refused)
        if len(self._due) == BURST and self._in_turn <= BEFORE_ALL_IS_READ:
            self._send()

    def _all_read(self) -> None:
        self._in_turn = 0
        self._send()

    def _send(self) -> None:
        due, self._due = self._due, []
        now = self._loop.time()
        for refused in due:
            refused.send_refusal(now)
