"""The ranges of time that the dashboard can show, and the buckets they consist of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from coffeert.domain.rollups import SECONDS, Grain, floor

RangeName = Literal["1m", "5m", "15m", "1h", "24h", "30d"]


@dataclass(frozen=True, slots=True)
class Range:
    """So many buckets of one grain, the running one included.

    A `fine` range is charted by when orders arrived here, since minutes would be too coarse for it.
    """

    name: RangeName
    grain: Grain
    buckets: int
    fine: bool = False

    @property
    def seconds(self) -> int:
        """The length of the range."""
        return self.buckets * SECONDS[self.grain]

    def starts(self, now: float) -> range:
        """Return the starts of the buckets, oldest first, in Unix seconds."""
        step = SECONDS[self.grain]
        running = floor(int(now), self.grain)
        return range(running - (self.buckets - 1) * step, running + step, step)

    def elapsed(self, now: float) -> float:
        """Return which part of the running bucket is over, from 0 to 1."""
        return (now - floor(int(now), self.grain)) / SECONDS[self.grain]


RANGES: Final[tuple[Range, ...]] = (
    Range("1m", "minute", 1, fine=True),
    Range("5m", "minute", 5, fine=True),
    Range("15m", "minute", 15),
    Range("1h", "minute", 60),
    Range("24h", "hour", 24),
    Range("30d", "day", 30),
)

RANGE: Final[dict[RangeName, Range]] = {span.name: span for span in RANGES}
DEFAULT_RANGE: Final = RANGE["15m"]
"""A quarter of an hour: long enough for a trend, short enough to see it move."""


def beside(span: Range, step: int) -> Range:
    """Return the next longer (`step` 1) or shorter (-1) range, going round."""
    return RANGES[(RANGES.index(span) + step) % len(RANGES)]
