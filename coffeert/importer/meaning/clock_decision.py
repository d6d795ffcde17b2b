"""Decides what times of day mean that can mean two: those without AM or PM, and `0.35` of a spreadsheet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from coffeert.errors import ConfigError
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.spelling.clocks import fraction_of_day, read_clock, split_moment

_NOON: Final = timedelta(hours=12)
_NIGHT: Final = range(5)
_SEEN: Final = 50_000
_POINT: Final = re.compile(r"[0-9]{1,2}\.[0-9]{2}", re.ASCII)
FRACTIONS: Final = "excel"
"""The value of `--clock` for parts of a day, as of `--date-format` for days of a spreadsheet."""


@dataclass(slots=True)
class HourSurvey:
    """The hours of times of day that have neither AM or PM nor an offset, with one time and its line each.

    Times of exactly midnight do not count: they stand for no time as well. `either` are, by the hour of
    the fraction, those that are both a time and a fraction of a day, such as `0.35`; they count for their
    hours once it is decided which they are. `fractions`: some times can only be fractions, `points`: some
    can only be hours and minutes with a point.
    """

    examples: dict[int, tuple[str, int]] = field(default_factory=dict)
    either: dict[int, tuple[str, int]] = field(default_factory=dict)
    fractions: bool = False
    points: bool = False
    _seen: set[str] = field(default_factory=set)

    def add(self, text: str, shape: str, line: int) -> None:
        """Note a time of day; `shape` is its text with 1 for every digit."""
        end = text.find(":")
        key = text if end < 0 else text[:end] + shape[end:]
        if key in self._seen:
            return
        if len(self._seen) < _SEEN:
            self._seen.add(key)
        clock = read_clock(text) or read_clock(split_moment(text)[1])
        fraction = fraction_of_day(text)
        if clock is not None and fraction:
            self.either.setdefault(_hour(fraction), (text, line))
        elif fraction:
            self.fractions = True
            self._add_part(fraction, text, line)
        elif clock is not None and not clock.twelve and clock.offset is None:
            self.points |= _POINT.fullmatch(text) is not None
            self.examples.setdefault(clock.seconds // 3600, (text, line))

    def add_fraction(self, days: str, line: int) -> None:
        """Note the time of day in a number of days of a spreadsheet."""
        if part := Decimal(days.replace(",", ".")) % 1:
            self._add_part(part, days, line)

    def _add_part(self, part: Decimal, text: str, line: int) -> None:
        self.examples.setdefault(_hour(part), (text, line))

    def settle(self, *, fractions: bool) -> None:
        """Count the times that are both for what they are."""
        for hour, example in self.either.items():
            self.examples.setdefault(hour if fractions else 0, example)

    @property
    def latest(self) -> tuple[str, int] | None:
        """A time after noon by a clock of 24 hours, if there is one."""
        return self.examples[max(self.examples)] if max(self.examples, default=0) > 12 else None

    @property
    def earliest_doubtful(self) -> tuple[str, int] | None:
        """A time that can be one of the afternoon.

        There is one if there are times of the night and of the day, and none after 12:59. A shop that is
        open from 5:00 to 12:59 only raises no doubt, nor does one that is open at night.
        """
        hours = set(self.examples)
        night = sorted(hours.intersection(_NIGHT))
        if self.latest is not None or not night or not hours.difference(_NIGHT):
            return None
        return self.examples[night[0]]


def decide_fractions(hours: HourSurvey, notes: Notes, *, clock: str | None) -> bool:
    """Return whether times such as `0.35` are fractions of a day, here 08:24, and not 00:35; or ask.

    A column shows it by others: `0.3125` is no time, and `8.15` no fraction. `clock` is what the owner
    says.
    """
    fractions = clock == FRACTIONS or (hours.fractions and not hours.points)
    if hours.either and clock is None and hours.fractions == hours.points:
        text, line = next(iter(hours.either.values()))
        notes.ask(
            f"Is {text} on line {line} a time, or a part of a day as spreadsheets count? "
            f"{'Others are of both kinds.' if hours.points else 'No other time shows it.'}",
            (("--clock", "24"), f"a time: {_shown(text, fractions=False)}"),
            (("--clock", FRACTIONS), f"a part of a day: {_shown(text, fractions=True)}"),
        )
        return False
    if hours.either and fractions:
        text, line = next(iter(hours.either.values()))
        notes.say(
            f"Times are parts of a day: {text} on line {line} is {_shown(text, fractions=True)}."
        )
    hours.settle(fractions=fractions)
    return fractions


def decide_clock(
    hours: HourSurvey, notes: Notes, *, clock: str | None, marked: bool, in_utc: bool
) -> timedelta:
    """Return the time before which times are of the afternoon, midnight for none; or ask.

    `clock` is what the owner says. `marked`: some times have AM or PM, and the others are refused. Times in
    UTC (`in_utc`) are a program's, whose clock has 24 hours; there a shop's day can be anywhere.
    """
    opens = timedelta() if clock in (None, "24", FRACTIONS) else opening_time(clock)
    if clock is not None:
        notes.argue("--clock", clock)
    if opens and hours.latest is not None:
        text, line = hours.latest
        raise ConfigError(
            f"--clock {clock} is for clocks of 12 hours, and {text} on line {line} is of one of 24: "
            "leave it out."
        )
    if opens:
        notes.say(f"Times before {clock} are of the afternoon, as --clock says.")
    doubtful = hours.earliest_doubtful
    if clock is None and doubtful is not None and not marked and not in_utc:
        text, line = doubtful
        notes.ask(
            f"Is {text} on line {line} in the afternoon? No time is after 12:59, as on a clock of 12 hours "
            "that does not say AM or PM.",
            (
                ("--clock", "TIME"),
                "yes: say when the shop opens, such as 07:00; earlier times are of the afternoon (right if "
                "it is open for less than 12 hours)",
            ),
            (("--clock", "24"), "no, it is at night, and all times are right as they are"),
        )
    return opens


def opening_time(text: str) -> timedelta:
    """Read the time at which a shop opens; raises `ConfigError` if it is none of the morning."""
    read = read_clock(text)
    passed = timedelta() if read is None else timedelta(seconds=read.seconds)
    if read is None or read.offset is not None or read.letters or not timedelta() < passed <= _NOON:
        raise ConfigError(
            f"--clock {text} is neither 24 nor the time at which the shop opens, such as 07:00."
        )
    return passed


def _hour(part: Decimal) -> int:
    return round(part * 86_400) // 3600


def _shown(text: str, *, fractions: bool) -> str:
    clock, fraction = read_clock(text), fraction_of_day(text)
    seconds = round(fraction * 86_400) if fractions and fraction else clock.seconds if clock else 0
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
