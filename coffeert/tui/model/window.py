"""The range shown: a business period that reports know, or the latest minutes of the live view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coffeert.domain.periods import parse_period
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import BUCKETS, SECONDS, Totals
from coffeert.tui.model.bucket_sums import BucketSumCache, BucketSums, merge, scale
from coffeert.wire.reports import Comparison, Grouping


@dataclass(frozen=True, slots=True)
class Range:
    """A business period by the name that reports have for it, or some `minutes` up to now.

    `chosen`: days that the viewer has typed or opened. `grouping` is what its curve is made of,
    `comparisons` what it can be compared with.
    """

    name: str
    period: str = ""
    grouping: Grouping = "day"
    comparisons: tuple[Comparison, ...] = ()
    minutes: int = 0
    chosen: bool = False

    @property
    def seconds(self) -> int:
        """Length in seconds of a range of minutes."""
        return self.minutes * SECONDS["minute"]

    @property
    def ends_now(self) -> bool:
        """Whether it is counted until now."""
        return self.name != "yesterday" and not self.chosen

    def starts(self, now: float) -> range:
        """Return the minutes of a live range, oldest first."""
        running = int(now) - int(now) % 60
        return range(running - (self.minutes - 1) * 60, running + 60, 60)


_ONE_DAY: Final[tuple[Comparison, ...]] = ("last-week", "yesterday", "usual", "last-year")
_WEEK: Final[tuple[Comparison, ...]] = ("last-week", "last-year")
_MANY_DAYS: Final[tuple[Comparison, ...]] = ("before", "last-year")

RANGES: Final[tuple[Range, ...]] = (
    Range("today", "today", "quarter", _ONE_DAY),
    Range("yesterday", "yesterday", "quarter", _ONE_DAY),
    Range("7 days", "7-days", "day", _MANY_DAYS),
    Range("this week", "week", "day", _WEEK),
    Range("28 days", "28-days", "day", _MANY_DAYS),
    Range("month", "month", "day", _MANY_DAYS),
    Range("15 min", minutes=15),
    Range("1 hour", minutes=60),
)

RANGE: Final = {span.name: span for span in RANGES}
DEFAULT_RANGE: Final = RANGE["today"]

ONE_DAY: Final = frozenset({"today", "yesterday"})
"""The ranges whose curve is a day, quarter hour by quarter hour."""


def next_range(span: Range, step: int) -> Range:
    """Return the next (`step` 1) or the last (-1) range in order; after the last comes the first."""
    if span.chosen:
        return RANGES[0 if step > 0 else -1]
    return RANGES[(RANGES.index(span) + step) % len(RANGES)]


def chosen_days(text: str) -> Range:
    """Return the range of a period as reports name it, such as `2026-11-20..2026-11-26`.

    Raises `ValueError` if it cannot be read.
    """
    period = parse_period(text)
    if period.unit == "day":
        return Range(text, text, "quarter", _ONE_DAY, chosen=True)
    return Range(text, text, "day", _WEEK if period.unit == "week" else _MANY_DAYS, chosen=True)


def next_comparison(span: Range, chosen: Comparison) -> Comparison:
    """Return what the range is compared with next."""
    known = span.comparisons
    return known[(known.index(chosen) + 1) % len(known)]


@dataclass(frozen=True, slots=True)
class Window:
    """The sums of a range at one moment.

    A range of minutes has buckets, and `sums` has no end, like the server's windows: a till's clock may be
    ahead of `now`. `previous` are then the sums of as many minutes before at the same phase, whose last
    minute is cut where the running one is now; `None` if that time is unknown.
    """

    span: Range
    now: float
    sums: BucketSums
    starts: tuple[int, ...] = ()
    bucket_totals: tuple[Totals, ...] = ()
    previous_bucket_totals: tuple[Totals, ...] | None = None
    previous: BucketSums | None = None
    elapsed: float = 1.0
    """The part of the last bucket that is over, from 0 to 1."""


def today_window(sums: BucketSumCache, span: Range, now: float) -> Window:
    """Sum the running business day of each store."""
    return Window(span, now, sums.today())


def minutes_window(
    sums: BucketSumCache, past: BucketSumCache | None, span: Range, now: float
) -> Window:
    """Sum a range of minutes, and the one before it.

    `past` holds the sums as they were one range ago. Without it, minutes that `sums` still holds are used;
    of the one that is cut, the same part is counted as has passed of the running one.
    """
    retention = sums.cube.retention
    starts = span.starts(now)
    buckets = [sums.bucket("minute", start) for start in starts]
    before = _previous(sums, past, span, now)
    return Window(
        span=span,
        now=now,
        sums=sums.total("minute", None if span.minutes == BUCKETS["minute"] else starts[0]),
        starts=tuple(starts),
        bucket_totals=tuple(bucket.total for bucket in buckets),
        previous_bucket_totals=None if before is None else tuple(bucket.total for bucket in before),
        previous=None if before is None else merge(before),
        elapsed=_elapsed(now, retention),
    )


def _elapsed(now: float, retention: RetentionWindow) -> float:
    _, begins, ends = retention.running("minute", now)
    return min(1.0, max(0.0, (now - begins) / (ends - begins)))


def _previous(
    sums: BucketSumCache, past: BucketSumCache | None, span: Range, now: float
) -> list[BucketSums] | None:
    held = sums.cube.retention
    starts = [start - span.seconds for start in span.starts(now)]
    if past is None:
        if starts[0] < held.first_minute:
            return None
        buckets = [sums.bucket("minute", start) for start in starts]
        return [*buckets[:-1], scale(buckets[-1], _elapsed(now, held))]
    newest = past.cube.retention.as_of
    buckets = [past.bucket("minute", start) for start in starts]
    if newest < starts[-1] >= held.first_minute:
        # `past` was taken before this bucket began.
        buckets[-1] = scale(sums.bucket("minute", starts[-1]), _elapsed(now, held))
    return buckets
