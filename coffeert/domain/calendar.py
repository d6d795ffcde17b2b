"""The business calendar: to which day and which local hour of a store a moment belongs.

PostgreSQL computes the days (`calendar_days` in the migrations); here they are only looked up, so that
no process depends on time zone data of its own. Moments are Unix times in seconds. A date is named by
the Unix time of its midnight in UTC, whatever the zone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
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

    def _check(self, moment: float) -> None:
        if not self.loaded_from <= moment <= self.loaded_to:
            raise ValueError(
                f"{_text(moment)} is outside of the span from {_text(self.loaded_from)} "
                f"to {_text(self.loaded_to)} that the calendar of {self.zone} was loaded for"
            )


class Calendars:
    """The calendar of every store, for a span of time; immutable, replaced as a whole."""

    __slots__ = ("_stores", "default")

    def __init__(self, default: BusinessCalendar, stores: Mapping[str, BusinessCalendar]) -> None:
        self.default = default
        self._stores = dict(stores)

    def of(self, store: str) -> BusinessCalendar:
        """Return a store's calendar: its own, or the default, as for codes that are not on the menu."""
        return self._stores.get(store, self.default)

    def distinct(self, stores: Iterable[str]) -> tuple[BusinessCalendar, ...]:
        """Return the calendars of some stores, each once, in the order of their ids."""
        found = {calendar.id: calendar for calendar in map(self.of, stores)}
        return tuple(found[number] for number in sorted(found))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Calendars)
            and self.default == other.default
            and self._stores == other._stores
        )

    def __hash__(self) -> int:
        return hash((self.default, frozenset(self._stores.items())))


def _text(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"
