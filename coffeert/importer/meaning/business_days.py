"""Decides whether dates are business days, whose hours after midnight are of the next calendar day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from coffeert.errors import ConfigError
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.spelling.cell_text import heading_words
from coffeert.importer.spelling.clocks import fraction_of_day, read_clock, split_moment
from coffeert.importer.spelling.vocabulary import words

_EARLY: Final = 5 * 3600
_LATE: Final = 18 * 3600
_NOON: Final = timedelta(hours=12)
_STORES: Final = 1_000
_DIFFERENT: Final = 90_000
_CLEARLY: Final = 3
"""So many times more steps go one way than the other in rows that are in order, but for a few."""


class _Rows:
    """The times of the rows of one date in a store, as they follow each other."""

    __slots__ = ("date", "early_first", "early_last", "last", "steps_back", "steps_on")

    def __init__(self, date: str) -> None:
        self.date = date
        self.early_first: bool | None = None
        """Whether of early and late times the first is early, `None` if there are none; and the last:"""
        self.early_last: bool | None = None
        self.last = -1
        self.steps_on = self.steps_back = 0

    def add(self, seconds: int) -> None:
        early = True if seconds < _EARLY else False if seconds >= _LATE else None
        past_midnight = early is not None and self.early_last is (not early)
        if self.last >= 0 and not past_midnight:
            self.steps_on += seconds > self.last
            self.steps_back += seconds < self.last
        self.last = seconds
        if early is not None:
            self.early_last = early
            if self.early_first is None:
                self.early_first = early

    @property
    def night_is_last(self) -> bool | None:
        """Whether the hours after midnight come after the evening; `None` if nothing shows it."""
        if self.early_first is self.early_last:
            return None
        fewer, more = sorted((self.steps_on, self.steps_back))
        if not more or more < _CLEARLY * fewer:
            return None
        return (self.early_last is True) is (self.steps_on > self.steps_back)


@dataclass(slots=True)
class NightSurvey:
    """Whether the hours after midnight stand at the beginning of their dates or at the end.

    17:10, 23:50, 00:20 under one date is what a till writes whose date is a business day; 00:20, 17:10,
    23:50 is one of the calendar. The same holds for files with the latest rows first. Rows in no order show
    nothing. `early` is one such time, with its line.
    """

    early: tuple[str, int] | None = None
    business: int = 0
    calendar: int = 0
    _stores: dict[object, _Rows] = field(default_factory=dict)
    _seconds: dict[str, int] = field(default_factory=dict)

    def add(self, store: object, date: str, text: str, line: int) -> None:
        """Note a row's date and time. Exactly midnight does not count: it stands for no time as well."""
        seconds = self._seconds.get(text)
        if seconds is None:
            seconds = _seconds(text)
            if len(self._seconds) < _DIFFERENT:
                self._seconds[text] = seconds
            if self.early is None and 0 < seconds < _EARLY:
                self.early = text, line
        if seconds <= 0:
            return
        rows = self._stores.get(store)
        if rows is None or rows.date != date:
            if len(self._stores) > _STORES:
                self.close()
            self._close(rows)
            rows = self._stores[store] = _Rows(date)
        rows.add(seconds)

    def close(self) -> None:
        """Count the dates that are still open."""
        for rows in self._stores.values():
            self._close(rows)
        self._stores.clear()

    def _close(self, rows: _Rows | None) -> None:
        last = None if rows is None else rows.night_is_last
        self.business += last is True
        self.calendar += last is False


def decide_dates(
    nights: NightSurvey,
    notes: Notes,
    *,
    dates_begin: str | None,
    heading: str | None,
    opens: timedelta,
) -> timedelta:
    """Return the time before which times are of the day after their date, midnight for none; or ask.

    `dates_begin` is what the owner says; `heading` that of the dates, `None` if times have no column of
    their own. Times before `opens` are of the afternoon.
    """
    if dates_begin is not None:
        begins = beginning_of_dates(dates_begin)
        notes.argue("--dates-begin", dates_begin)
        if begins and heading is None:
            raise ConfigError("--dates-begin is for dates and times in columns of their own.")
        if begins:
            notes.say(
                f"Times before {dates_begin} are of the day after their date, as --dates-begin says."
            )
        return begins
    nights.close()
    if heading is None or nights.early is None or opens:
        return timedelta()
    text, line = nights.early
    named = is_business_date(heading)
    if named or nights.business > nights.calendar:
        why = (
            "can be that of the business day"
            if named
            else "has such times after those of the evening"
        )
        notes.ask(
            f"Is {text} on line {line} of the day after its date? `{heading}` {why}.",
            (
                ("--dates-begin", "HOUR"),
                "yes: say when business days begin, such as 05:00; earlier times are of the day after",
            ),
            (("--dates-begin", "00:00"), "no, dates are those of the calendar"),
        )
    return timedelta()


def beginning_of_dates(text: str) -> timedelta:
    """Read the time at which business days begin; raises `ConfigError` if it is none of the morning."""
    read = read_clock(text)
    passed = timedelta() if read is None else timedelta(seconds=read.seconds)
    if read is None or read.offset is not None or read.letters or passed > _NOON:
        raise ConfigError(f"--dates-begin {text} is no time from 00:00 to 12:00.")
    return passed


def is_business_date(heading: str) -> bool:
    """Return whether a heading says that a day goes on after midnight."""
    spaced = f" {heading_words(heading)} "
    return any(f" {known} " in spaced for known in words("headings", "business_dates"))


def _seconds(text: str) -> int:
    """Return the seconds that have passed since midnight, -1 for what is no time of day."""
    clock = read_clock(text) or read_clock(split_moment(text)[1])
    if clock is not None:
        return clock.seconds % 86_400
    fraction = fraction_of_day(text)
    return -1 if fraction is None else round(fraction * 86_400)
