"""Which cells are kept: the last 60 minutes, 24 hours and 30 business days of each store."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import attrgetter

import msgspec

from coffeert.domain.calendar import Calendars
from coffeert.domain.rollups import BUCKETS, SECONDS, CellKey, Grain, floor


class LocalDay(msgspec.Struct, frozen=True, array_like=True):
    """A calendar at one minute: its business day and its hour. Instants are Unix times, in seconds.

    `starts` is when a day starts, in minutes after local midnight. `date` names the day that is running:
    the Unix time of the date's midnight in UTC. It lasts from `begins` to `ends`; `hour` is the beginning
    of the running local hour.
    """

    zone: str
    starts: int
    date: int
    begins: int
    ends: int
    hour: int


class RetentionWindow(msgspec.Struct, frozen=True):
    """Which cells are kept, as of one minute.

    `as_of` is the start of the current minute, in Unix seconds. `days` has each calendar; the first is
    that of the stores that are not in `calendar_of`. Later buckets are inside too: the clock of a till
    may be ahead.
    """

    as_of: int
    days: tuple[LocalDay, ...]
    calendar_of: dict[str, int] = {}

    @classmethod
    def at(cls, moment: datetime, calendars: Calendars) -> RetentionWindow:
        """Return the window as of a moment; raises `ValueError` if the calendars do not reach there."""
        as_of = floor(int(moment.timestamp()), "minute")
        days = []
        for calendar in calendars.calendars:
            date = calendar.day_of(as_of)
            begins, ends = calendar.day(date)
            days.append(
                LocalDay(
                    calendar.zone, calendar.starts, date, begins, ends, calendar.hour_of(as_of)
                )
            )
        return cls(as_of, tuple(days), calendars.calendar_of)

    def day_of(self, store: str) -> LocalDay:
        """Return the business day at a store."""
        return self.days[self.calendar_of.get(store, 0)]

    def running(self, grain: Grain, moment: float) -> tuple[int, float, float]:
        """Return the bucket that is running at a moment near `as_of`, and when it begins and ends.

        If stores have different calendars, it is the default's hour and the latest date.
        """
        if grain == "minute":
            minute = floor(int(moment), "minute")
            return minute, minute, minute + SECONDS["minute"]
        if grain == "hour":
            hour = int(moment) - (int(moment) - self.days[0].hour) % SECONDS["hour"]
            return hour, hour, hour + SECONDS["hour"]
        day = max(self.days, key=attrgetter("date"))
        if moment < day.ends:
            return day.date, day.begins, day.ends
        return day.date + SECONDS["day"], day.ends, day.ends + SECONDS["day"]

    @property
    def first_minute(self) -> int:
        """The first minute that is kept."""
        return self.as_of - (BUCKETS["minute"] - 1) * SECONDS["minute"]

    @property
    def hours_after(self) -> int:
        """Hours that begin after this instant are kept."""
        return self.as_of - BUCKETS["hour"] * SECONDS["hour"]

    @property
    def first_date(self) -> int:
        """The first date that is kept at any store."""
        return min(day.date for day in self.days) - DATES_BEFORE

    @property
    def first_common_date(self) -> int:
        """The first date that is kept at every store."""
        return max(day.date for day in self.days) - DATES_BEFORE

    def contains(self, key: CellKey) -> bool:
        """Return True if a cell is kept."""
        if key.grain == "minute":
            return key.bucket >= self.first_minute
        if key.grain == "hour":
            return key.bucket > self.hours_after
        return key.bucket >= self.day_of(key.store).date - DATES_BEFORE

    def moment(self) -> datetime:
        """Return the start of the current minute."""
        return datetime.fromtimestamp(self.as_of, UTC)


DATES_BEFORE = (BUCKETS["day"] - 1) * SECONDS["day"]
