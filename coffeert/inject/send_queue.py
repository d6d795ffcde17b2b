"""The orders that are due and unsent for one sender, and the workers that send them."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from coffeert.inject.report import OutcomeRecorder
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.inject.senders import Sender

MAX_UNSENT: Final = 16_384
"""How many orders may be due and unsent; beyond that, arrivals wait, and their latency shows it."""


class SendQueue:
    """A bounded queue of orders for a sender."""

    def __init__(self, sender: Sender, recorder: OutcomeRecorder) -> None:
        self.sender = sender
        self._recorder = recorder
        self._queue: asyncio.Queue[tuple[ScheduledOrder, float | None] | None] = asyncio.Queue(
            MAX_UNSENT
        )

    async def put(self, order: ScheduledOrder, due: float | None) -> None:
        """Add an order, due at a time of `time.monotonic()` or as soon as a worker is free."""
        if self._queue.full():
            await self._queue.put((order, due))
        else:
            self._queue.put_nowait((order, due))

    async def close(self) -> None:
        """Let the workers end once the queue is empty."""
        await self._queue.put(None)

    def clear(self) -> None:
        """Drop all orders that wait; none of them was sent."""
        while not self._queue.empty():
            self._queue.get_nowait()

    async def work(self) -> None:
        """Send batches of orders until the queue is closed."""
        while True:
            orders, due = await self._get_batch()
            if not orders:
                return
            try:
                await self.sender.send(orders, due, self._recorder)
            except asyncio.CancelledError:
                for order in orders:
                    self._recorder.gave_up(order.line, "stopped before its answer came")
                raise

    async def _get_batch(self) -> tuple[list[ScheduledOrder], list[float]]:
        orders: list[ScheduledOrder] = []
        due: list[float] = []
        item = await self._queue.get()
        while item is not None:
            orders.append(item[0])
            due.append(time.monotonic() if item[1] is None else item[1])
            if len(orders) >= self.sender.max_orders or self._queue.empty():
                return orders, due
            item = self._queue.get_nowait()
        # The end marker stays for the other workers.
        self._queue.put_nowait(None)
        return orders, due
