"""Background tasks are ended, whatever is cancelled meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from coffeert import cancellation as module
from coffeert.cancellation import end
from coffeert.tasks import Tasks


class Stubborn:
    """Loses the first times that it is cancelled, as what waits for redis-py may."""

    def __init__(self, lost: int) -> None:
        self.started = asyncio.Event()
        self.ended = False
        self._lost = lost

    async def run(self) -> None:
        self.started.set()
        try:
            for _ in range(self._lost):
                try:
                    await asyncio.sleep(20)
                except asyncio.CancelledError:
                    continue
            await asyncio.sleep(20)
        finally:
            self.ended = True


@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_tasks_within_a_task_end_with_it(lost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who ends the outer one cancels it again and again while it waits for the inner ones."""
    monkeypatch.setattr(module, "_CANCEL_RETRY_SECONDS", 0.01)
    inner = [Stubborn(lost) for _ in range(3)]
    closed = False

    async def outer() -> None:
        nonlocal closed
        beside = Tasks()
        for number, one in enumerate(inner):
            beside.start(str(number), one.run)
        try:
            await asyncio.sleep(20)
        finally:
            try:
                await beside.stop()
            finally:
                closed = True

    task = asyncio.create_task(outer())
    for one in inner:
        await one.started.wait()
    await end(task)
    assert task.cancelled()
    assert all(one.ended for one in inner)
    assert closed
