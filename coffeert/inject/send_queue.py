"""A lane: orders waiting for one carrier, and the workers that hand them over."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from coffeert.inject.report import OutcomeRecorder
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.inject.senders import Sender

WAITING_MAX: Final = 16_384
"""How many orders may be due and unsent; past that, arrivals wait, and their latency shows it."""


class SendQueue:
    """A bounded queue before a carrier."""

    def __init__(self, carrier: Sender, recorder: OutcomeRecorder) -> None:
        self.carrier = carrier
        self._recorder = recorder
        self._waiting: asyncio.Queue[tuple[ScheduledOrder, float | None] | None] = asyncio.Queue(
            WAITING_MAX
        )

    async def put(self, shot: ScheduledOrder, due: float | None) -> None:
        """Add an order, due at a moment of `time.monotonic()` or whenever there is a worker for it."""
        if self._waiting.full():
            await self._waiting.put((shot, due))
        else:
            self._waiting.put_nowait((shot, due))

    async def close(self) -> None:
        """Let the workers end once nothing waits any more."""
        await self._waiting.put(None)

    def clear(self) -> None:
        """Forget what waits; none of it was sent."""
        while not self._waiting.empty():
            self._waiting.get_nowait()

    async def work(self) -> None:
        """Deliver one handful after another until the lane is closed."""
        while True:
            shots, due = await self._take()
            if not shots:
                return
            try:
                await self.carrier.deliver(shots, due, self._recorder)
            except asyncio.CancelledError:
                for shot in shots:
                    self._recorder.gave_up(shot.line, "stopped before its answer came")
                raise

    async def _take(self) -> tuple[list[ScheduledOrder], list[float]]:
        shots: list[ScheduledOrder] = []
        due: list[float] = []
        item = await self._waiting.get()
        while item is not None:
            shots.append(item[0])
            due.append(time.monotonic() if item[1] is None else item[1])
            if len(shots) >= self.carrier.orders or self._waiting.empty():
                return shots, due
            item = self._waiting.get_nowait()
        # The mark of the end stays for the other workers.
        self._waiting.put_nowait(None)
        return shots, due
