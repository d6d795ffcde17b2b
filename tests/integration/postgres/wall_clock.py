"""Business days and local hours by the rule as it is written, from Python's time zone data.

Dates and moments are Unix times in seconds, dates those of their midnights in UTC.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

QUARTER, HOUR, DATE = 900, 3600, 86400
ABBREVIATIONS = frozenset({"CET", "EET", "EST", "HST", "MET", "MST", "WET"})


@cache
def load_zone(zone: str) -> ZoneInfo:
    """Return a zone by the data of the package tzdata."""
    with files("tzdata.zoneinfo").joinpath(*zone.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, zone)


def all_zones() -> list[str]:
    """Return the names of all zones but those that PostgreSQL takes for abbreviations."""
    return sorted(available_timezones() - ABBREVIATIONS - {"localtime"})


def unix(text: str) -> int:
    """Read a moment of UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def utc(moment: int) -> datetime:
    """Return a Unix time as PostgreSQL takes it."""
    return datetime.fromtimestamp(moment, UTC)


def offset_at(zone: str, moment: int) -> int:
    """Return by how many seconds the clocks of a zone are ahead of UTC."""
    offset = datetime.fromtimestamp(moment, load_zone(zone)).utcoffset()
    assert offset is not None
    return offset.days * DATE + offset.seconds


def hour_of(zone: str, quarter: int) -> int:
    """Return when the hour on the clocks began: the quarter less the minutes since the full hour."""
    return quarter - datetime.fromtimestamp(quarter, load_zone(zone)).minute * 60


@cache
def begin(zone: str, day: int, starts: int) -> int:
    """Look at each quarter hour around a date for the first at or after the start of the day."""
    start = utc(day + starts * 60).replace(tzinfo=None)
    first = day + starts * 60 - 16 * HOUR
    return next(
        quarter
        for quarter in range(first, first + 32 * HOUR + 1, QUARTER)
        if datetime.fromtimestamp(quarter, load_zone(zone)).replace(tzinfo=None) >= start
    )


def days_of_change(zone: str, first: int, last: int) -> list[int]:
    """Return the dates within which the offset changes."""
    offsets = [offset_at(zone, day) for day in range(first, last + DATE, DATE)]
    return [
        first + index * DATE
        for index, (before, after) in enumerate(pairwise(offsets))
        if before != after
    ]


def same_clocks(first: int, last: int) -> set[str]:
    """Return the zones whose clocks were always those of a zone before them."""
    seen: set[tuple[int, ...]] = set()
    found = set()
    for zone in all_zones():
        shown = [offset_at(zone, first)]
        for day in days_of_change(zone, first, last):
            shown.append(day)
            shown += [offset_at(zone, quarter) for quarter in range(day, day + DATE, QUARTER)]
        if tuple(shown) in seen:
            found.add(zone)
        seen.add(tuple(shown))
    return found


class WallClock:
    """What the clocks of a zone have shown, quarter hour by quarter hour, to find many beginnings.

    A change of the offset is seen if it holds for `step` seconds; 900 looks at every quarter.
    """

    def __init__(self, zone: str, first: int, last: int, *, step: int) -> None:
        self._first = first
        # The latest time shown so far: a day that has begun stays begun.
        self._latest = array("q")
        reached = -(1 << 62)
        before = offset_at(zone, first)
        for block in range(first, last, step):
            after = offset_at(zone, block + step)
            if before == after and reached < block + before:
                self._latest.extend(range(block + before, block + before + step, QUARTER))
                reached = self._latest[-1]
                continue
            for quarter in range(block, block + step, QUARTER):
                offset = before if before == after else offset_at(zone, quarter)
                reached = max(reached, quarter + offset)
                self._latest.append(reached)
            before = after

    def begin(self, day: int, starts: int) -> int:
        """Return the first quarter hour at or after the start of a day."""
        return self._first + QUARTER * bisect_left(self._latest, day + starts * 60)
