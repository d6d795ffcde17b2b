"""Tasks of a server: each is known by name, restarted when it fails, and ended at shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

_RESTART_DELAY = 1.0


class Tasks:
    """Background tasks that are meant to run as long as the server does."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start a task; should it ever fail, log why and start it again."""
        self._tasks.append(asyncio.create_task(_kept_running(name, run), name=name))

    async def stop(self) -> None:
        """Cancel all tasks, the last started first, and wait for each to end."""
        while self._tasks:
            task = self._tasks.pop()
            task.cancel()
            await asyncio.wait([task])


async def _kept_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
            log.error("task ended by itself", task=name)
        except Exception:
            log.exception("task failed", task=name)
        await asyncio.sleep(_RESTART_DELAY)
