"""The business calendar: to which day and which local hour of a store a moment belongs.

PostgreSQL computes the days (`calendar_days` in the migrations); here they are only looked up, so that
no process depends on time zone data of its own. Moments are Unix times in seconds. A date is named by
the Unix time of its midnight in UTC, whatever the zone.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime
from typing import Final

import msgspec

QUARTER_SECONDS: Final = 900
"""Days begin at whole quarter hours of UTC, and the rollups are not finer where days matter."""

_HOUR_SECONDS: Final = 3600
_DATE_SECONDS: Final = 86400


class BusinessCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """The days and local hours of a time zone and a start of day, for a span of time.

    `starts` is in minutes after the local midnight. The span is [`loaded_from`, `loaded_to`]. Day
    `dates[i]` is [`begins[i]`, `ends[i]`), in order and without gaps; a day that the zone skipped is
    empty. From quarter hour `offset_from[i]` on, wall clocks are `offsets[i]` seconds ahead of UTC.
    """

    id: int
    zone: str
    starts: int
    loaded_from: int
    loaded_to: int
    dates: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    offset_from: tuple[int, ...]
    offsets: tuple[int, ...]

    def day_of(self, moment: float) -> int:
        """Return the date of the business day that a moment is in.

        Raises `ValueError` outside of the loaded span, as all methods do.
        """
        self._check(moment)
        # Of days that begin at one moment only the last is not empty.
        return self.dates[bisect_right(self.begins, moment) - 1]

    def day(self, date: int) -> tuple[int, int]:
        """Return when a business day begins and ends; both are the same for a skipped one."""
        index, beside = divmod(date - self.dates[0], _DATE_SECONDS)
        if beside or not 0 <= index < len(self.dates):
            raise ValueError(
                f"{_text(date)} is not one of the days from {_text(self.dates[0])} "
                f"to {_text(self.dates[-1])} that the calendar of {self.zone} was loaded for"
            )
        return self.begins[index], self.ends[index]

    def hour_of(self, moment: float) -> int:
        """Return when the hour on the wall clocks began that holds the moment's quarter hour."""
        quarter = int(moment // QUARTER_SECONDS) * QUARTER_SECONDS
        return quarter - (quarter + self.offset_at(moment)) % _HOUR_SECONDS

    def offset_at(self, moment: float) -> int:
        """Return by how many seconds wall clocks were ahead of UTC when the quarter hour began."""
        self._check(moment)
        quarter = moment // QUARTER_SECONDS * QUARTER_SECONDS
        return self.offsets[bisect_right(self.offset_from, quarter) - 1]

    def wall_clock(self, moment: int, date: int) -> int:
        """Return what wall clocks show at a moment, in seconds after the midnight of a date."""
        return moment + self.offset_at(moment) - date

    def day_until(self, date: int, wall: int) -> int:
        """Return the moment of a business day up to which wall clocks had not reached `wall` for good.

        `wall` is in seconds after the midnight of the date. If an hour is repeated, that is the second
        time; if it is skipped, when it would have begun.
        """
        begins, ends = self.day(date)
        until = begins
        changes = (*self.offset_from[1:], ends)
        for start, end, offset in zip(self.offset_from, changes, self.offsets, strict=True):
            last = min(end, ends, date + wall - offset)
            if last > max(start, begins):
                until = last
        return until

    def _check(self, moment: float) -> None:
        if not self.loaded_from <= moment <= self.loaded_to:
            raise ValueError(
                f"{_text(moment)} is outside of the span from {_text(self.loaded_from)} "
                f"to {_text(self.loaded_to)} that the calendar of {self.zone} was loaded for"
            )


class Calendars(msgspec.Struct, frozen=True):
    """The calendar of every store, for a span of time.

    The first of `calendars` is the default: that of all stores, on the menu or not, but those in
    `calendar_of`, which gives their places.
    """

    calendars: tuple[BusinessCalendar, ...]
    calendar_of: dict[str, int]

    def of(self, store: str) -> BusinessCalendar:
        """Return a store's calendar."""
        return self.calendars[self.calendar_of.get(store, 0)]

    def reaches(self, moment: float) -> bool:
        """Return True if a moment is inside of the loaded span."""
        default = self.calendars[0]
        return default.loaded_from <= moment <= default.loaded_to


def calendar_span(moment: datetime) -> tuple[int, int]:
    """Return the span to load calendars for, in Unix seconds: the windows of a moment, and a year ahead.

    Pending orders are looked up as well, and a till's clock may be ahead.
    """
    second = int(moment.timestamp())
    return max(_FIRST, second - 33 * _DATE_SECONDS), min(_LAST, second + 400 * _DATE_SECONDS)


def whole_span(first: date, last: date) -> tuple[int, int]:
    """Return the span to load calendars for, in Unix seconds: these days whole, in any zone."""
    start, end = (
        int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in (first, last)
    )
    return max(_FIRST, start - 3 * _DATE_SECONDS), min(_LAST, end + 4 * _DATE_SECONDS)


MARGIN_SECONDS: Final = 30 * _DATE_SECONDS
"""Calendars that reach less far ahead are loaded again."""

_FIRST: Final = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
_LAST: Final = int(datetime(2099, 12, 31, tzinfo=UTC).timestamp())


def _text(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"
