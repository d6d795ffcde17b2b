"""Background tasks: named, restarted if they fail, and ended at shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from coffeert.cancellation import end

log = structlog.get_logger(__name__)

_RESTART_SECONDS = 1.0


class Tasks:
    """Tasks that run as long as their process."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start a task; if it fails or ends, log that and start it again a second later."""
        self._tasks.append(asyncio.create_task(_run_forever(name, run), name=name))

    async def stop(self) -> None:
        """Cancel all tasks, the last one first, and wait for each to end, also if cancelled meanwhile.

        `end` cancels again who takes long to end: one that waits here must not leave tasks behind.
        """
        cancelled: asyncio.CancelledError | None = None
        while self._tasks:
            try:
                await end(self._tasks[-1])
            except asyncio.CancelledError as error:
                cancelled = error
            else:
                self._tasks.pop()
        if cancelled is not None:
            raise cancelled


async def _run_forever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
            log.error("task ended", task=name)
        except Exception:
            log.exception("task failed", task=name)
        await asyncio.sleep(_RESTART_SECONDS)
