"""Ending a task for certain."""

from __future__ import annotations

import asyncio
from typing import Any

_CANCEL_RETRY_SECONDS = 0.5


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended; its result or exception stays in it.

    Once is not enough: before Python 3.12 `asyncio.wait_for` loses a cancellation that comes just when
    what it waits for is done (python/cpython#86296), and redis-py sends every command through it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_CANCEL_RETRY_SECONDS)
