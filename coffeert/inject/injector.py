"""The injector: sends each order when it is due, however slow the answers are (open loop).

A slow server therefore shows in the latencies instead of lowering the rate, and no latency is left out
(Tene, "coordinated omission").
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coffeert.errors import CoffeertError
from coffeert.inject.report import InjectionReport, OutcomeRecorder
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.inject.send_queue import SendQueue
from coffeert.inject.senders import Sender, Transport, open_senders

PATIENCE_SECONDS: Final = 60.0
"""How long an order is sent again through failures by default."""

STOP_GRACE_SECONDS: Final = 5.0
"""How long orders in flight have to be answered after a stop."""

_TIMER_RESOLUTION_SECONDS = 0.001
_ANSWERS_CHECKED_SECONDS = 0.01
_ORDERS_PER_ITERATION = 64  # then the event loop runs the workers


@dataclass(frozen=True, slots=True)
class Target:
    """The server and how to reach it: `connections` of each transport, `patience` in seconds an order."""

    url: str
    token: str | None = None
    transports: tuple[Transport, ...] = ("http",)
    connections: int | None = None
    patience: float = PATIENCE_SECONDS
    ca_file: Path | None = None


class Injector:
    """Distributes orders over its senders in turn, and records their outcomes.

    Voids go to a sender of their own, each after everything before it has been answered.
    """

    def __init__(
        self, senders: Sequence[Sender], void_sender: Sender, recorder: OutcomeRecorder
    ) -> None:
        self._recorder = recorder
        self._order_queues = [SendQueue(sender, recorder) for sender in senders]
        self._void_queue = SendQueue(void_sender, recorder)
        self._queues = [*self._order_queues, self._void_queue]
        self._workers: list[asyncio.Task[None]] = []
        self._pacer: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def retries(self) -> int:
        """Attempts beyond the first."""
        return sum(queue.sender.retries for queue in self._queues)

    def stop(self) -> None:
        """Send nothing more and wait for answers for a few seconds; called again, stop waiting."""
        if self._stop.is_set():
            for worker in self._workers:
                worker.cancel()
        self._stop.set()
        if self._pacer is not None:
            self._pacer.cancel()
        for queue in self._queues:
            queue.clear()

    async def run(self, chunks: AsyncIterator[Sequence[ScheduledOrder]]) -> InjectionReport:
        """Send all orders, which come in the order in which they are due, and return a report.

        Raises the `CoffeertError` that `chunks` raises.
        """
        began = self._recorder.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._workers = [
                    tasks.create_task(queue.work())
                    for queue in self._queues
                    for _ in range(queue.sender.workers)
                ]
                self._pacer = pacer = tasks.create_task(self._pace(chunks, began))
                watcher = tasks.create_task(self._finish_early(pacer))
                await asyncio.wait(self._workers)
                watcher.cancel()
        except* CoffeertError as broken:
            raise broken.exceptions[0] from None
        return self._recorder.report(retried=self.retries, stopped=self._stop.is_set())

    async def _finish_early(self, pacer: asyncio.Task[None]) -> None:
        await self._stop.wait()
        await asyncio.wait([pacer])
        for queue in self._queues:
            queue.clear()
            await queue.close()
        await asyncio.wait(self._workers, timeout=STOP_GRACE_SECONDS)
        for worker in self._workers:
            worker.cancel()

    async def _pace(self, chunks: AsyncIterator[Sequence[ScheduledOrder]], began: float) -> None:
        number, orders_since_void = 0, False
        async for chunk in chunks:
            for order in chunk:
                due = None if order.due is None else began + order.due
                if (
                    due is not None
                    and (early := due - time.monotonic()) > _TIMER_RESOLUTION_SECONDS
                ):
                    await asyncio.sleep(early)
                elif number % _ORDERS_PER_ITERATION == 0:
                    await asyncio.sleep(0)
                if order.voids and orders_since_void:
                    await self._answered(number)
                orders_since_void = not order.voids
                queues = [self._void_queue] if order.voids else self._order_queues
                await queues[number % len(queues)].put(order, due)
                number += 1
        for queue in self._queues:
            await queue.close()

    async def _answered(self, number: int) -> None:
        """Wait until so many orders have a final answer, or get none."""
        while self._recorder.finished < number:  # noqa: ASYNC110 (counted in many places)
            await asyncio.sleep(_ANSWERS_CHECKED_SECONDS)


async def inject(
    target: Target,
    chunks: AsyncIterator[Sequence[ScheduledOrder]],
    recorder: OutcomeRecorder | None = None,
    *,
    on_start: Callable[[Injector], None] = lambda injector: None,
) -> InjectionReport:
    """Send orders until there are no more and return the outcomes.

    `recorder` can be read meanwhile; `on_start` is called with the injector, whose `stop` ends it. Raises
    `ConfigError` for a target that cannot be used, and the `CoffeertError` that `chunks` raises.
    """
    async with AsyncExitStack() as stack:
        senders = await open_senders(
            stack,
            target.transports,
            target.url,
            target.token,
            connections=target.connections,
            patience=target.patience,
            ca_file=target.ca_file,
        )
        (void_sender,) = await open_senders(
            stack,
            ("batch",),
            target.url,
            target.token,
            connections=1,
            patience=target.patience,
            ca_file=target.ca_file,
        )
        injector = Injector(senders, void_sender, recorder or OutcomeRecorder())
        on_start(injector)
        return await injector.run(chunks)
