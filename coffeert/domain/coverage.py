"""Coverage: for what time a set of cells is complete, no matter who has made it.

Processes cut their windows at different places: by the minute of their clocks, and by calendars that one
may have loaded before another. One that needs more than what is covered must not take what is missing for
nothing ordered.
"""

from __future__ import annotations

import msgspec

from coffeert.domain.retention_window import RetentionWindow


class Coverage(msgspec.Struct, frozen=True, array_like=True):
    """Minutes from `first_minute` on, hours that begin after `hours_after`, days from `first_date` on."""

    first_minute: int
    hours_after: int
    first_date: int

    @classmethod
    def of(cls, retention: RetentionWindow) -> Coverage:
        """Return what is kept within a retention window."""
        return cls(retention.first_minute, retention.hours_after, retention.first_date)

    def includes(self, needed: Coverage) -> bool:
        """Return True if all that is needed lies within."""
        return (
            self.first_minute <= needed.first_minute
            and self.hours_after <= needed.hours_after
            and self.first_date <= needed.first_date
        )
