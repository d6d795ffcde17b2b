"""The window: the sums of a range, bucket by bucket, beside those of the equal window before it."""

from __future__ import annotations

from dataclasses import dataclass

from coffeert.domain.rollups import SECONDS, Totals
from coffeert.tui.model.bucket_sums import BucketSumCache, BucketSums, merge, scale
from coffeert.tui.model.ranges import Range


@dataclass(frozen=True, slots=True)
class Window:
    """A range of time at one moment.

    `sums` has no end, as a window of the server's has none: a till's clock may be ahead of `now`.
    `previous` is the equal window before, at the same phase: its last bucket ends where the running
    one stands, so the two compare fairly. It is `None` where nothing is known of that time.
    """

    span: Range
    now: float
    starts: tuple[int, ...]
    tallies: tuple[Totals, ...]
    previous_tallies: tuple[Totals, ...] | None
    sums: BucketSums
    previous: BucketSums | None

    @property
    def elapsed_minutes(self) -> float:
        """How much of the window is over, in minutes."""
        whole = (len(self.starts) - 1) * SECONDS[self.span.grain]
        return (whole + self.now - self.starts[-1]) / 60


def window(sums: BucketSumCache, past: BucketSumCache | None, span: Range, now: float) -> Window:
    """Add up a range, and the window before it.

    `past` is the picture as it was one range ago. Without one, minutes still at hand stand in. Of a
    bucket at hand that the equal window cuts, as much counts as has passed of the running one.
    """
    starts = span.starts(now)
    buckets = [sums.bucket(span.grain, start) for start in starts]
    held = sums.picture.buckets(span.grain)
    ahead = [sums.bucket(span.grain, start) for start in held if start > starts[-1]]
    before = _previous(sums, past, span, now)
    return Window(
        span=span,
        now=now,
        starts=tuple(starts),
        tallies=tuple(bucket.total for bucket in buckets),
        previous_tallies=None if before is None else tuple(bucket.total for bucket in before),
        sums=merge(buckets + ahead),
        previous=None if before is None else merge(before),
    )


def _previous(
    sums: BucketSumCache, past: BucketSumCache | None, span: Range, now: float
) -> list[BucketSums] | None:
    starts = [start - span.seconds for start in span.starts(now)]
    at_hand = sums.picture.retention
    if past is None:
        if not at_hand.contains(span.grain, starts[0]):
            return None
        buckets = [sums.bucket(span.grain, start) for start in starts]
        return [*buckets[:-1], scale(buckets[-1], span.elapsed(now))]
    newest = past.picture.retention.as_of
    buckets = [past.bucket(span.grain, start) for start in starts]
    if starts[-1] > newest and at_hand.contains(span.grain, starts[-1]):
        # The past was taken before this bucket began.
        buckets[-1] = scale(sums.bucket(span.grain, starts[-1]), span.elapsed(now))
    return buckets
