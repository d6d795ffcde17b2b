"""Reads a past moment as people say it: `yesterday 14:00`, `thu 9:30`, `26 nov 18:00`, `2 hours ago`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from coffeert.domain.orders import MIN_PLACED_AT
from coffeert.errors import CoffeertError

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL: Final = {
    "monday": 0, "tuesday": 1, "wednesday": 2, "thursday": 3, "friday": 4, "saturday": 5, "sunday": 6,
}  # fmt: skip
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3])[:.h]([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_AGO: Final = re.compile(r"(\d{1,5}) ?([a-z]+) ago", re.ASCII)
_UNITS: Final = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600,
                 "hour": 3600, "d": 86400, "day": 86400, "w": 604800, "week": 604800}  # fmt: skip
_ISO: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_DAY_MONTH: Final = re.compile(r"(\d{1,2})\.? ([a-z]{3,9})(?: (\d{4}))?", re.ASCII)
_MONTH_DAY: Final = re.compile(r"([a-z]{3,9}) (\d{1,2})(?:,? (\d{4}))?", re.ASCII)


class MomentError(CoffeertError):
    """A moment cannot be read, or lies ahead."""


def parse_moment(text: str, now: datetime) -> datetime:
    """Read a moment from 2000 up to `now`, in the zone that `now` has.

    Without a day it is the last time that the clock showed this; without a time, the time of now. A weekday
    is the last one before today. Raises `MomentError`.
    """
    moment = _read(text, now)
    if moment.timestamp() > now.timestamp():
        raise MomentError("That lies ahead; say a time that has been, such as yesterday 14:00.")
    if moment.year < MIN_PLACED_AT.year:
        raise MomentError("Orders are from 2000 on; say a later time, such as yesterday 14:00.")
    return moment


def _read(text: str, now: datetime) -> datetime:
    words = " ".join(text.casefold().replace(" at ", " ").split())
    iso = re.fullmatch(r"(\d{4}-\d\d-\d\d)t(\d\d.*)", words)
    if iso is not None:
        words = f"{iso[1]} {iso[2]}"
    if ago := _AGO.fullmatch(words):
        return _some_time_ago(int(ago[1]), ago[2], now)
    day_words, clock = _split(words)
    day = _day(day_words, now.date()) if day_words else None
    if clock is None and day is None:
        raise _unreadable()
    moment = datetime.combine(day or now.date(), clock or now.time(), tzinfo=now.tzinfo)
    if day is None and moment.timestamp() > now.timestamp():
        moment = datetime.combine(
            now.date() - timedelta(days=1), clock or now.time(), tzinfo=now.tzinfo
        )
    return moment


def _split(words: str) -> tuple[str, time | None]:
    """Return the words of the day, and the time."""
    parts = words.split()
    for place in (-1, 0):
        if parts and (clock := _CLOCK.fullmatch(parts[place])):
            del parts[place]
            return " ".join(parts), time(int(clock[1]), int(clock[2]), int(clock[3] or 0))
    return words, None


def _day(words: str, today: date) -> date:
    if words == "today":
        return today
    if words == "yesterday":
        return today - timedelta(days=1)
    weekday = WEEKDAYS.index(words) if words in WEEKDAYS else _FULL.get(words.removeprefix("last "))
    if weekday is not None:
        return today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)
    try:
        if iso := _ISO.fullmatch(words):
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if found := _DAY_MONTH.fullmatch(words):
            return _dated(int(found[1]), found[2], found[3], today)
        if found := _MONTH_DAY.fullmatch(words):
            return _dated(int(found[2]), found[1], found[3], today)
    except ValueError:  # no such day, or no such month
        raise _unreadable() from None
    raise _unreadable()


def _dated(day: int, month: str, year: str | None, today: date) -> date:
    number = MONTHS.index(month[:3]) + 1
    if year is not None:
        return date(int(year), number, day)
    this_year = date(today.year, number, day)
    return this_year if this_year <= today else date(today.year - 1, number, day)


def _some_time_ago(count: int, unit: str, now: datetime) -> datetime:
    seconds = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    if seconds is None:
        raise _unreadable()
    # In UTC: two hours ago is two hours, also when clocks were changed meanwhile.
    return (now.astimezone(UTC) - timedelta(seconds=count * seconds)).astimezone(now.tzinfo)


def _unreadable() -> MomentError:
    return MomentError(
        "Say a time such as 14:00, yesterday 14:00, thu 9:30, 26 nov or 2 hours ago."
    )
