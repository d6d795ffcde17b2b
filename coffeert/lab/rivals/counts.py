"""How many orders a rival has counted, and when: its program reports, and the reader notes the time."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import NamedTuple

from coffeert.lab.environment import free_port


class Counts(NamedTuple):
    """Orders counted in all cells of each grain."""

    minutes: int = 0
    hours: int = 0
    days: int = 0


class CountReader:
    """Listens for lines of `minutes hours days` from a program, which connects again when it can."""

    def __init__(self) -> None:
        self.port = 0
        self.latest = Counts()
        self._totals: list[int] = []
        self._moments: list[float] = []
        self._changed = asyncio.Event()

    def note(self, counts: Counts) -> None:
        """Note counts that are known now."""
        self.latest = counts
        counted = min(counts)
        if not self._totals or counted > self._totals[-1]:
            self._totals.append(counted)
            self._moments.append(time.monotonic())
        self._changed.set()

    def moment(self, counted: int) -> float | None:
        """Return when so many orders had been counted (`time.monotonic`), None if they are not."""
        at = bisect_left(self._totals, counted)
        return self._moments[at] if at < len(self._totals) else None

    def longest_pause_end(self, since: float) -> float | None:
        """Return when counting went on after its longest pause since a moment, None if it did not."""
        moments = [since, *self._moments[bisect_right(self._moments, since) :]]
        pauses = [(after - before, after) for before, after in pairwise(moments)]
        return max(pauses)[1] if pauses else None

    async def reached(self, counted: int, within: float) -> bool:
        """Wait until so many orders are counted; False if they are not within some seconds."""
        try:
            async with asyncio.timeout(within):
                while min(self.latest) < counted:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.note(Counts(*map(int, line.split())))
        except (ConnectionError, ValueError, TypeError):
            pass  # a program that was killed wrote half a line
        finally:
            writer.close()


@asynccontextmanager
async def count_reader() -> AsyncIterator[CountReader]:
    """Listen on a free port of loopback until the end of the block."""
    reader = CountReader()
    reader.port = free_port()
    server = await asyncio.start_server(reader._receive, "127.0.0.1", reader.port)
    try:
        yield reader
    finally:
        server.close()
