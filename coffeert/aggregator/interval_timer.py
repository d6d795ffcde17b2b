"""When the next pass is due."""

from __future__ import annotations

import asyncio


class IntervalTimer:
    """Waits for the ends of intervals of fixed length in seconds, without drift; skips missed ones."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = asyncio.get_running_loop().time() + interval

    @property
    def left(self) -> float:
        """How many seconds of the interval are left; negative if it is over."""
        return self._next - asyncio.get_running_loop().time()

    async def wait(self) -> None:
        """Wait for the end of the interval; return at once if it is over already."""
        now = asyncio.get_running_loop().time()
        if self._next > now:
            await asyncio.sleep(self._next - now)
            self._next += self._interval
        else:
            self._next = now + self._interval
