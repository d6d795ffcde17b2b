"""The window shown: a range of time, bucket by bucket, beside the equal window before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import BUCKETS, SECONDS, Grain, Totals
from coffeert.tui.model.bucket_sums import BucketSumCache, BucketSums, merge, scale

RangeName = Literal["1m", "5m", "15m", "1h", "24h", "30d"]


@dataclass(frozen=True, slots=True)
class Range:
    """A number of buckets of one grain, including the running one.

    A `fine` range is charted by when orders arrived here, because minutes are too coarse for it.
    """

    name: RangeName
    grain: Grain
    buckets: int
    fine: bool = False

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        return self.buckets * SECONDS[self.grain]

    def starts(self, now: float, retention: RetentionWindow) -> range:
        """Return the names of the buckets, oldest first; days are named by their dates."""
        step = SECONDS[self.grain]
        running, _, _ = retention.running(self.grain, now)
        return range(running - (self.buckets - 1) * step, running + step, step)

    def elapsed(self, now: float, retention: RetentionWindow) -> float:
        """Return the part of the running bucket that is over, from 0 to 1."""
        _, begins, ends = retention.running(self.grain, now)
        return min(1.0, max(0.0, (now - begins) / (ends - begins)))


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
"""Long enough for a trend, short enough to see it move."""


def next_range(span: Range, step: int) -> Range:
    """Return the next longer (`step` 1) or shorter (-1) range; after the last comes the first."""
    return RANGES[(RANGES.index(span) + step) % len(RANGES)]


@dataclass(frozen=True, slots=True)
class Window:
    """A range of time at one moment.

    `sums` has no end, like the server's windows: a till's clock may be ahead of `now`. `previous` is the
    equal window before at the same phase: its last bucket is cut where the running one is now, so that the
    two can be compared. It is `None` if that time is unknown.
    """

    span: Range
    now: float
    starts: tuple[int, ...]
    bucket_totals: tuple[Totals, ...]
    previous_bucket_totals: tuple[Totals, ...] | None
    sums: BucketSums
    previous: BucketSums | None
    elapsed: float
    """The part of the last bucket that is over, from 0 to 1."""

    @property
    def elapsed_minutes(self) -> float:
        """Minutes of the window that are over."""
        return (len(self.starts) - 1 + self.elapsed) * SECONDS[self.span.grain] / 60


def window(sums: BucketSumCache, past: BucketSumCache | None, span: Range, now: float) -> Window:
    """Sum a range, and the window before it.

    `past` holds the sums as they were one range ago. Without it, buckets that `sums` still holds are used;
    of the one that is cut, the same part is counted as has passed of the running one.
    """
    retention = sums.cube.retention
    starts = span.starts(now, retention)
    buckets = [sums.bucket(span.grain, start) for start in starts]
    before = _previous(sums, past, span, now)
    return Window(
        span=span,
        now=now,
        starts=tuple(starts),
        bucket_totals=tuple(bucket.total for bucket in buckets),
        previous_bucket_totals=None if before is None else tuple(bucket.total for bucket in before),
        sums=sums.total(span.grain, None if span.buckets == BUCKETS[span.grain] else starts[0]),
        previous=None if before is None else merge(before),
        elapsed=span.elapsed(now, retention),
    )


def _previous(
    sums: BucketSumCache, past: BucketSumCache | None, span: Range, now: float
) -> list[BucketSums] | None:
    held = sums.cube.retention
    starts = [start - span.seconds for start in span.starts(now, held)]
    if past is None:
        if span.grain != "minute" or starts[0] < held.first_minute:
            return None
        buckets = [sums.bucket(span.grain, start) for start in starts]
        return [*buckets[:-1], scale(buckets[-1], span.elapsed(now, held))]
    newest = past.cube.retention.as_of
    buckets = [past.bucket(span.grain, start) for start in starts]
    if span.grain == "minute" and newest < starts[-1] >= held.first_minute:
        # `past` was taken before this bucket began.
        buckets[-1] = scale(sums.bucket(span.grain, starts[-1]), span.elapsed(now, held))
    return buckets
