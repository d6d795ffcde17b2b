"""The beat of the loop."""

from __future__ import annotations

import asyncio


class IntervalTimer:
    """Beats at a fixed interval in seconds, without drift; beats that were missed are left out."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = asyncio.get_running_loop().time() + interval

    async def beat(self) -> None:
        """Wait for the next beat; return at once if it is due already."""
        now = asyncio.get_running_loop().time()
        if self._next > now:
            await asyncio.sleep(self._next - now)
            self._next += self._interval
        else:
            self._next = now + self._interval
