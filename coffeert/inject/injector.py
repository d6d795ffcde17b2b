"""The injector: sends each order when it is due, however slow the answers are (open loop)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

from coffeert.errors import CoffeertError
from coffeert.inject.report import OutcomeRecorder, Report
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.inject.send_queue import SendQueue
from coffeert.inject.senders import Sender

STOP_GRACE: Final = 5.0
"""Seconds that orders under way have to be answered after a stop."""

_EARLY = 0.001  # timers are no finer than this
_PUT_AT_ONCE = 64  # then the workers may run


class Injector:
    """Deals orders out to the lanes of its carriers in turn, and records what becomes of them."""

    def __init__(self, carriers: Sequence[Sender], recorder: OutcomeRecorder) -> None:
        self._recorder = recorder
        self._lanes = [SendQueue(carrier, recorder) for carrier in carriers]
        self._workers: list[asyncio.Task[None]] = []
        self._pacer: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def retries(self) -> int:
        """Attempts beyond the first."""
        return sum(lane.carrier.retries for lane in self._lanes)

    def stop(self) -> None:
        """Send nothing further and wait a little for answers; a second time, do not wait."""
        if self._stop.is_set():
            for worker in self._workers:
                worker.cancel()
        self._stop.set()
        if self._pacer is not None:
            self._pacer.cancel()
        for lane in self._lanes:
            lane.clear()

    async def run(self, chunks: AsyncIterator[Sequence[ScheduledOrder]]) -> Report:
        """Send all orders, given in the order in which they are due, and report.

        Raises the `CoffeertError` with which `chunks` breaks off.
        """
        began = self._recorder.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._workers = [
                    tasks.create_task(lane.work())
                    for lane in self._lanes
                    for _ in range(lane.carrier.workers)
                ]
                self._pacer = pacer = tasks.create_task(self._pace(chunks, began))
                watcher = tasks.create_task(self._watch(pacer))
                await asyncio.wait(self._workers)
                watcher.cancel()
        except* CoffeertError as broken:
            raise broken.exceptions[0] from None
        return self._recorder.report(retried=self.retries, stopped=self._stop.is_set())

    async def _watch(self, pacer: asyncio.Task[None]) -> None:
        await self._stop.wait()
        await asyncio.wait([pacer])
        for lane in self._lanes:
            lane.clear()
            await lane.close()
        await asyncio.wait(self._workers, timeout=STOP_GRACE)
        for worker in self._workers:
            worker.cancel()

    async def _pace(self, chunks: AsyncIterator[Sequence[ScheduledOrder]], began: float) -> None:
        number = 0
        async for chunk in chunks:
            for shot in chunk:
                due = None if shot.due is None else began + shot.due
                if due is not None and (early := due - time.monotonic()) > _EARLY:
                    await asyncio.sleep(early)
                elif number % _PUT_AT_ONCE == 0:
                    await asyncio.sleep(0)
                await self._lanes[number % len(self._lanes)].put(shot, due)
                number += 1
        for lane in self._lanes:
            await lane.close()
