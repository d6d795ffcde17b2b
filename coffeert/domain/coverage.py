"""Coverage: for what time a set of cells is complete.

Processes cut their windows at different places: by the minute of their clocks, by the local day of their
zones. One that needs more than what is covered must not take what is missing for nothing ordered.
"""

from __future__ import annotations

import msgspec

from coffeert.domain.rollups import GRAINS, RetentionWindow


class Coverage(msgspec.Struct, frozen=True, array_like=True):
    """Each grain from one bucket on, in the order of `GRAINS`, and the earlier minutes [from, to)."""

    since: tuple[int, ...]
    minutes: tuple[int, int]

    @classmethod
    def of(cls, retention: RetentionWindow) -> Coverage:
        """Return what is kept within a retention window."""
        return cls(
            tuple(retention.oldest_bucket(grain) for grain in GRAINS), retention.partial_first_hour
        )

    def includes(self, needed: Coverage) -> bool:
        """Whether all that is needed lies within."""
        if len(self.since) != len(needed.since):
            return False
        if any(mine > theirs for mine, theirs in zip(self.since, needed.since, strict=True)):
            return False
        start, end = needed.minutes
        end = min(end, self.since[0])  # from there on every minute is covered
        return start >= end or (self.minutes[0] <= start and end <= self.minutes[1])
