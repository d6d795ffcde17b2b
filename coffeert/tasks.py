"""Background tasks: each is known by name, started again when it fails, and ended at shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_RESTART_DELAY = 1.0
_CANCEL_INTERVAL = 0.5


class Tasks:
    """Tasks that are meant to run as long as their process does."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start a task; should it ever fail, log why and start it again."""
        self._tasks.append(asyncio.create_task(_kept_running(name, run), name=name))

    async def stop(self) -> None:
        """Cancel all tasks, the last started first, and wait for each to end."""
        while self._tasks:
            await end(self._tasks.pop())


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended; what it returned or raised is left in it.

    Once is not enough: before Python 3.12 `asyncio.wait_for` loses a cancellation that comes just as
    what it waits for is done (python/cpython#86296), and redis-py sends every command through it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_CANCEL_INTERVAL)


async def _kept_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
            log.error("task ended by itself", task=name)
        except Exception:
            log.exception("task failed", task=name)
        await asyncio.sleep(_RESTART_DELAY)
