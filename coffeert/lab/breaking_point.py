"""The breaking point: the highest load that still meets its objective, by bisection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from statistics import median

import msgspec

Holds = Callable[[float], Awaitable[bool]]


class BreakingPoint(msgspec.Struct, frozen=True):
    """The highest load found to hold, of each repetition and their median.

    `bounded` is false where the load held at the top of the search, so the true point lies above.
    """

    found: tuple[float, ...]
    bounded: bool

    @property
    def median(self) -> float:
        """The middle of the repetitions."""
        return median(self.found)

    @property
    def spread(self) -> float:
        """The distance of the extremes as a share of the median."""
        return (max(self.found) - min(self.found)) / self.median if self.median else 0.0


async def bisect(holds: Holds, low: float, high: float, *, steps: int) -> tuple[float, bool]:
    """Return the highest load that held, and whether one that did not was met above it.

    Tries `high` first: what holds there needs no search. A load below `low` is never tried; where
    nothing holds the answer is 0.
    """
    if await holds(high):
        return high, False
    best = 0.0
    for _ in range(steps):
        middle = (low + high) / 2
        if await holds(middle):
            best = low = middle
        else:
            high = middle
    return best, True


async def find_breaking_point(
    holds: Holds, low: float, high: float, *, steps: int, repeats: int
) -> BreakingPoint:
    """Search `repeats` times, each from the start, so that the spread shows the noise."""
    searches = [await bisect(holds, low, high, steps=steps) for _ in range(repeats)]
    return BreakingPoint(
        tuple(round(load, 1) for load, _ in searches), any(bounded for _, bounded in searches)
    )
