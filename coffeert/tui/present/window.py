"""The window: the sums of a range, bucket by bucket, beside those of the equal window before it."""

from __future__ import annotations

from dataclasses import dataclass

from coffeert.cells import SECONDS, Tally
from coffeert.tui.present.ranges import Range
from coffeert.tui.present.sums import BucketSums, Sums, merge, scale


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
    tallies: tuple[Tally, ...]
    previous_tallies: tuple[Tally, ...] | None
    sums: BucketSums
    previous: BucketSums | None

    @property
    def elapsed_minutes(self) -> float:
        """How much of the window is over, in minutes."""
        whole = (len(self.starts) - 1) * SECONDS[self.span.grain]
        return (whole + self.now - self.starts[-1]) / 60


def window(sums: Sums, past: Sums | None, span: Range, now: float) -> Window:
    """Add up a range, and the window before it.

    `past` is the picture as it was one range ago; without one, minutes still at hand stand in, and the
    last of them counts in proportion to the time that has passed of the running one.
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


def _previous(sums: Sums, past: Sums | None, span: Range, now: float) -> list[BucketSums] | None:
    starts = [start - span.seconds for start in span.starts(now)]
    if past is not None:
        # What the past picture no longer reaches, because it was taken a while ago, is still at hand.
        newest = past.picture.horizon.as_of
        return [
            sums.bucket(span.grain, start)
            if start > newest and sums.picture.horizon.keeps(span.grain, start)
            else past.bucket(span.grain, start)
            for start in starts
        ]
    if not sums.picture.horizon.keeps(span.grain, starts[0]):
        return None
    buckets = [sums.bucket(span.grain, start) for start in starts]
    buckets[-1] = scale(buckets[-1], span.elapsed(now))
    return buckets
