"""Days as people write them, and what a whole column says about the order of day, month and year."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from coffeert.importer.spelling.calendar_words import idle_words, months
from coffeert.importer.spelling.cell_text import western_digits

ORDERS: Final = {
    "dmy": "day/month/year",
    "mdy": "month/day/year",
    "ymd": "year/month/day",
}
NUMBER_FORMATS: Final = {
    "excel": "days of a spreadsheet, counted from 1900",
    "excel1904": "days of a spreadsheet, counted from 1904",
    "unix": "seconds since 1970",
    "unixms": "milliseconds since 1970",
}
_YEARS: Final = range(2000, 2100)
_MONTHS: Final = 12
_DAY_ZERO: Final = date(1899, 12, 30)
_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+")
_NUMERIC = re.compile(r"([0-9]{1,4})([./-])\s?([0-9]{1,2})\2\s?([0-9]{2}|[0-9]{4})\.?")
_COMPACT = re.compile(r"20[0-9]{6}")
_SERIAL = re.compile(r"[2-7][0-9]{4}(?:[.,][0-9]+)?")
_UNIX = re.compile(r"(?:9|[1-4][0-9])[0-9]{8}(?:[.,][0-9]+)?")
_UNIX_MS = re.compile(r"(?:9|[1-4][0-9])[0-9]{11}")


class DayNumbers(NamedTuple):
    """The three numbers of a day, in the order in which they stand.

    `order` is theirs if the text alone shows it: the year has four digits and stands first, or the month
    has a name.
    """

    first: int
    second: int
    third: int
    order: str | None
    separator: str
    two_digits: bool

    def day(self, order: str) -> date | None:
        """Return the day if they stand in that order; `None` if there is no such day."""
        numbers = dict(zip(self.order or order, self[:3], strict=True))
        year = numbers["y"] + 2000 if self.two_digits else numbers["y"]
        if year not in _YEARS:
            return None
        try:
            return date(year, numbers["m"], numbers["d"])
        except ValueError:
            return None

    def days(self) -> dict[str, date]:
        """Return each day that they can be, by the order."""
        if self.order is not None:
            orders: tuple[str, ...] = (self.order,)
        else:
            orders = ("dmy", "mdy", "ymd") if self.separator == "-" else ("dmy", "mdy")
        return {order: day for order in orders if (day := self.day(order))}


def day_numbers(text: str) -> DayNumbers | None:
    """Read the numbers of a day; `None` if the text is none."""
    text = western_digits(text.strip(" ,"))
    match = _NUMERIC.fullmatch(text) or _NUMERIC.fullmatch(_without_idle_words(text))
    if match:
        first, separator, second, third = match.groups()
        if len(first) == 4:
            if len(third) != 2:
                return None
            return DayNumbers(int(first), int(second), int(third), "ymd", separator, False)
        if len(first) == 3:
            return None
        return DayNumbers(int(first), int(second), int(third), None, separator, len(third) == 2)
    if _COMPACT.fullmatch(text):
        return DayNumbers(int(text[:4]), int(text[4:6]), int(text[6:]), "ymd", "", False)
    return _day_of_words(text) if len(text) < 48 else None


def _without_idle_words(text: str) -> str:
    """Return `13/03/2024` of `Wed 13/03/2024` and `2024/03/13(水)`."""
    if not 6 < len(text) < 48 or (text[:1].isdecimal() and text[-1:].isdecimal()):
        return text
    bare = _WORD.sub(lambda word: " " if word[0].casefold() in idle_words() else word[0], text)
    return bare.strip(" ,.()[]")


def _day_of_words(text: str) -> DayNumbers | None:
    numbers: list[tuple[str, str]] = []
    for token in _TOKEN.findall(text):
        word = token.casefold()
        if token[0] in "0123456789":
            numbers.append(("n", token))
        elif word in months():
            numbers.append(("m", str(months()[word])))
        elif word not in idle_words():
            return None
    kinds = "".join(kind for kind, _ in numbers)
    digits = [token for _, token in numbers]
    if kinds == "nnn" and len(digits[0]) == 4 and len(digits[2]) <= 2:
        return DayNumbers(*_three(digits), "ymd", "", False)  # 2026年9月14日
    if kinds not in ("nmn", "mnn") or len(text) < 6:
        return None
    if kinds == "nmn" and len(digits[0]) == 4:
        order, year = "ymd", digits[0]
    else:
        order, year = {"nmn": "dmy", "mnn": "mdy"}[kinds], digits[2]
    if len(year) not in (2, 4):
        return None
    return DayNumbers(*_three(digits), order, "", len(year) == 2)


def _three(digits: list[str]) -> tuple[int, int, int]:
    first, second, third = map(int, digits)
    return first, second, third


def number_format(text: str) -> str | None:
    """Return which count of days or seconds a number looks like, `None` if like none."""
    if _SERIAL.fullmatch(text):
        return "excel"
    if _UNIX.fullmatch(text):
        return "unix"
    return "unixms" if _UNIX_MS.fullmatch(text) else None


def named_format(text: str) -> str | None:
    """Return the format that an option such as `dmy`, `DD.MM.YYYY` or `%m/%d/%y` names."""
    word = text.casefold().strip()
    if word in NUMBER_FORMATS:
        return word
    day_part = re.split(r"h|%i|(?<=y)\s|(?<=d)[\st]", word.replace("%b", "%m"))[0]
    order = "".join(dict.fromkeys(c for c in day_part if c in "dmy"))
    return order if order in ORDERS else None


@dataclass(slots=True)
class DaySurvey:
    """What the days of a column say about their order, each different text once.

    `fits` counts, of the texts that do not show their order, those that are a day in it; `examples` has
    one that no other order fits, with its line.
    """

    plain: int = 0
    plain_after_12th: int = 0
    unclear: int = 0
    differing: int = 0
    fits: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ORDERS, 0))
    examples: dict[str, tuple[str, int]] = field(default_factory=dict)
    any_example: tuple[str, int] | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    firsts: set[int] = field(default_factory=set)
    thirds: set[int] = field(default_factory=set)
    year_first: int = 0
    separators: set[str] = field(default_factory=set)
    unreadable: int = 0

    def add(self, text: str, line: int) -> None:
        """Note a day's text and the line of one of its rows."""
        if kind := number_format(text):
            self.numbers[kind] = self.numbers.get(kind, 0) + 1
            if kind == "excel":
                days_passed = int(text.replace(",", ".").partition(".")[0])
                self.plain_after_12th += (_DAY_ZERO + timedelta(days=days_passed)).day > _MONTHS
            return
        numbers = day_numbers(text)
        days = numbers.days() if numbers else {}
        if numbers is None or not days:
            self.unreadable += 1
        elif numbers.order is not None:
            self.plain += 1
            self.plain_after_12th += next(iter(days.values())).day > _MONTHS
        else:
            self._add_unclear(numbers, days, (text, line))

    def _add_unclear(
        self, numbers: DayNumbers, days: dict[str, date], example: tuple[str, int]
    ) -> None:
        self.unclear += 1
        self.separators.add(numbers.separator)
        self.firsts.add(numbers.first)
        self.thirds.add(numbers.third)
        self.year_first += numbers.two_digits and numbers.day("ymd") is not None
        for order in days:
            self.fits[order] += 1
        if len(days) == 1:
            self.examples.setdefault(next(iter(days)), example)
        if len(set(days.values())) > 1:
            self.differing += 1
            if self.any_example is None:
                self.any_example = example

    @property
    def may_begin_with_year(self) -> bool:
        """Whether days such as 24/03/13 and 24/03/14 can begin with the year: less of it differs."""
        return self.year_first == self.unclear > 0 and len(self.thirds) > len(self.firsts)

    @property
    def exchanged(self) -> tuple[str, int] | None:
        """A day that a spreadsheet program has left as text, if it has probably misread the others.

        Of 13/02/2024 and 01/02/2024 one that takes the month for the first number reads only the second, as
        2 January: then no day that was read is after the 12th, and no text could be one in its order.
        """
        read = self.plain + self.numbers.get("excel", 0)
        if not read or self.plain_after_12th or not self.unclear or self.differing:
            return None
        return next(
            (self.examples[order] for order in ("dmy", "mdy") if order in self.examples), None
        )

    @property
    def readable(self) -> int:
        return self.plain + self.unclear + sum(self.numbers.values())

    def possible(self) -> tuple[str, ...]:
        """Return the orders in which every day is one, of those that make a difference."""
        return tuple(
            order for order, fits in self.fits.items() if self.unclear and fits == self.unclear
        )
