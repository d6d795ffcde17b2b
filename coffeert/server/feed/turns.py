"""Turns at the event loop for those who would take much of it one after another."""

from __future__ import annotations

import asyncio


class Turns:
    """Lets one task go on in each iteration of the event loop, in the order in which they came.

    A tick wakes all readers of the feed at once. If each wrote hundreds of kilobytes in the same iteration,
    orders would be answered after the last of them.
    """

    def __init__(self) -> None:
        self._next = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for a turn, which lasts until the caller waits for something."""
        async with self._next:
            await asyncio.sleep(0)
