"""Business days by the rule as it is written, from Python's time zone data.

Dates and moments are Unix times in seconds, dates those of their midnights in UTC.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

QUARTER, HOUR, DATE = 900, 3600, 86400


def unix(text: str) -> int:
    """Read a moment, in UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def date_text(day: int) -> date:
    """Return the date that a Unix time names."""
    return datetime.fromtimestamp(day, UTC).date()


class WallClock:
    """The clocks of a zone, quarter hour by quarter hour.

    A change of the offset is found if it holds for `step` seconds: 900 looks at every quarter.
    """

    def __init__(self, zone: str, first: int, last: int, *, step: int = HOUR) -> None:
        self._zone = ZoneInfo(zone)
        self._first = first
        # The latest wall time that the clocks have shown so far, since a day once begun stays.
        self._latest = array("q")
        self.changes: list[int] = []
        reached = -(1 << 62)
        before = known = self.offset(first)
        for block in range(first, last, step):
            after = self.offset(block + step)
            for quarter in range(block, block + step, QUARTER):
                offset = before if before == after else self.offset(quarter)
                if offset != known:
                    self.changes.append(quarter)
                known = offset
                reached = max(reached, quarter + offset)
                self._latest.append(reached)
            before = after

    def offset(self, moment: int) -> int:
        """Return by how many seconds the clocks are ahead of UTC."""
        offset = datetime.fromtimestamp(moment, self._zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    def begin(self, day: int, starts: int) -> int:
        """Return the first quarter hour whose wall time is at or after the start of a day."""
        return self._first + QUARTER * bisect_left(self._latest, day + starts * 60)

    def hour(self, quarter: int) -> int:
        """Return when the hour on the clocks began."""
        return quarter - datetime.fromtimestamp(quarter, self._zone).minute * 60


def literal_begin(zone: str, day: int, starts: int) -> int:
    """Look at each quarter hour around a date for the first at or after the start of the day."""
    clock, wall = ZoneInfo(zone), day + starts * 60
    start = datetime.fromtimestamp(wall, UTC).replace(tzinfo=None)
    return next(
        quarter
        for quarter in range(wall - 16 * HOUR, wall + 16 * HOUR + 1, QUARTER)
        if datetime.fromtimestamp(quarter, clock).replace(tzinfo=None) >= start
    )
