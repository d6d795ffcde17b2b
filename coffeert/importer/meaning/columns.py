"""Which column of an unknown table holds what: by its heading, and by what is in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from coffeert.importer.meaning.row_kinds import has_total_label, is_heading
from coffeert.importer.rows import TableRow
from coffeert.importer.spelling.cell_text import (
    cell_text,
    heading_words,
    in_brackets,
    is_missing,
)
from coffeert.importer.spelling.clocks import LATE_HOURS, read_clock, split_moment, without_no_day
from coffeert.importer.spelling.currency_signs import currencies_of, unknown_sign
from coffeert.importer.spelling.dates import day_numbers, number_format
from coffeert.importer.spelling.numbers import MARKS, SpelledNumber, scaled_number, spelled_number
from coffeert.importer.spelling.vocabulary import field_headings, plain, words

_ENOUGH: Final = 0.6
"""The share of a column's values that must look like what its heading says."""
_NAMES_OF_NUMBERS: Final = frozenset({"product id", "sku", "stock code", "artikel", "item"})
_MINOR_UNITS: Final = frozenset(
    {"cent", "cents", "minor", "pence", "centimes", "centavos", "øre", "öre"}
)
_PERCENT: Final = frozenset(
    {"pct", "perc", "percent", "percentage", "prozent", "pourcentage", "porcentaje"}
)
_NO_RECEIPT: Final = re.compile(r"\D*[\d.,']*\d[.,]\d\d\D*|.*\d:\d\d.*")
"""An amount or a time beside a heading such as `Check amount`."""
_ALIKE: Final = {
    "placed_at": ("placed_at", "date", "time"),
    "date": ("placed_at", "date"),
    "price": ("price", "amount"),
    "total": ("total", "amount"),
    "amount": ("price", "total", "amount"),
}
"""Fields whose columns are found by the headings of others too."""
_MONEY: Final = ("price", "total", "amount")
_NO_NUMBER: Final = SpelledNumber(negative=False, digits="", marks=())


class Sample:
    """The first rows of a table, column by column, as text without what is missing."""

    def __init__(self, columns: Sequence[str], rows: Sequence[TableRow]) -> None:
        self.columns = columns
        self.texts: list[list[str]] = [[] for _ in columns]
        for row in rows:
            if is_heading(row.cells, columns):
                continue
            if has_total_label(row.cells) and not all(map(cell_text, row.cells)):
                continue
            for texts, cell in zip(self.texts, row.cells, strict=False):
                if not is_missing(text := cell_text(cell)):
                    texts.append(text)

    def share(self, index: int, test: Callable[[str], bool]) -> float:
        """Return how many of a column's values pass a test, from 0 to 1; 1 if it has none."""
        texts = self.texts[index]
        return sum(map(test, texts)) / len(texts) if texts else 1.0

    def filled(self, index: int) -> bool:
        return bool(self.texts[index])


def find_columns(
    sample: Sample, given: Mapping[str, int], without: frozenset[str] = frozenset()
) -> dict[str, int]:
    """Return the column of each field that is found; `amount` is a sum that can be price or total.

    `given` are columns that are known already, `without` the fields that the table is said not to have.
    """
    found = dict(given)
    if {"price", "total"} <= without:
        without |= {"amount"}
    for loose in (False, True):
        for name, headings in field_headings().items():
            if name not in found and name not in without and not _covered(name, found, loose=loose):
                index = _column(sample, name, headings, set(found.values()), loose=loose)
                if index is not None:
                    found[name] = index
    _settle_moment(sample, found, given)
    _settle_key(sample, found)
    if "placed_at" not in found and "date" not in found and "date" not in without:
        days = [i for i in day_columns(sample) if i not in found.values()]
        if len(days) == 1:
            found["placed_at" if _has_clock(sample, days[0]) else "date"] = days[0]
    return found


def loosely_found(
    columns: Sequence[str], fields: Mapping[str, int], given: Mapping[str, int]
) -> dict[str, bool]:
    """Return the fields whose columns have no known heading, and whether a part of it is one."""
    known = field_headings()
    found = {}
    for name, index in fields.items():
        headings = [known[like] for like in _ALIKE.get(name, (name,)) if like in known]
        words = heading_words(columns[index])
        if (
            name not in given
            and headings
            and all(_rank(words, listed, loose=False) is None for listed in headings)
        ):
            found[name] = any(_rank(words, listed, loose=True) is not None for listed in headings)
    return found


def day_columns(sample: Sample) -> list[int]:
    """Return the columns that hold days or moments."""
    return [
        index
        for index in range(len(sample.columns))
        if sample.filled(index)
        and sample.share(index, _is_written_day) > 0.9
        and not sample.share(index, _is_long_number) > _ENOUGH
    ]


def named_day_columns(sample: Sample) -> list[int]:
    """Return the columns whose headings say that they hold days or moments, if anything is in them."""
    known = field_headings()
    headings = [*known["placed_at"], *known["date"]]
    return [
        index
        for index, column in enumerate(sample.columns)
        if sample.filled(index) and _rank(heading_words(column), headings, loose=True) is not None
    ]


def name_columns(sample: Sample) -> list[int]:
    """Return the columns that may hold names."""
    return [
        index
        for index in range(len(sample.columns))
        if sample.filled(index) and sample.share(index, _is_name) > _ENOUGH
    ]


def number_columns(sample: Sample) -> list[int]:
    """Return the columns that hold numbers."""
    return [
        index
        for index in range(len(sample.columns))
        if sample.filled(index) and sample.share(index, is_number) > 0.9
    ]


def heading_currency(heading: str) -> frozenset[str]:
    """Return the currencies that a heading such as `Price (EUR)` or `Amount USD` can name."""
    parts = [*in_brackets(heading), *heading.split()[1:]]
    return next(
        (
            codes
            for part in parts
            if part.isupper() or len(part) < 3
            for codes in [currencies_of(part)]
            if codes
        ),
        frozenset(),
    )


def is_in_minor_units(heading: str) -> bool:
    """Return whether a heading such as `price_cents` says that amounts are whole minor units."""
    return "¢" in heading or not _MINOR_UNITS.isdisjoint(
        heading_words(" ".join([heading, *in_brackets(heading)])).split()
    )


def is_percentage(heading: str) -> bool:
    """Return whether a heading such as `Discount (%)` says that numbers are percentages."""
    every = heading_words(" ".join([heading, *in_brackets(heading)])).split()
    return "%" in heading or not _PERCENT.isdisjoint(every)


def is_number(text: str) -> bool:
    """Return whether a text is a number, with or without a currency."""
    number = spelled_number(text)
    return (
        number is not None
        and all(map(currencies_of, number.marks))
        and any(scaled_number(number.digits, mark) for mark in MARKS)
    )


def _is_amounts(sample: Sample, index: int) -> bool:
    """Return whether a column holds amounts, with signs of currencies or all with one unknown sign."""
    if sample.share(index, is_number) > _ENOUGH:
        return True
    signs = {
        unknown_sign(mark)
        for text in sample.texts[index]
        for mark in (spelled_number(text) or _NO_NUMBER).marks
        if not currencies_of(mark)
    }
    return len(signs) == 1 and "" not in signs and sample.share(index, _is_count) > _ENOUGH


def _covered(name: str, found: Mapping[str, int], *, loose: bool) -> bool:
    if name in ("date", "time"):
        return loose and "placed_at" in found
    if name == "placed_at":
        return "date" in found and "time" in found
    return name == "amount" and "total" in found


def _column(
    sample: Sample, name: str, headings: Sequence[str], taken: set[int], *, loose: bool
) -> int | None:
    ranked = []
    for index, column in enumerate(sample.columns):
        if (
            index not in taken
            and (rank := _rank(heading_words(column), headings, loose=loose)) is not None
        ):
            ranked.append((rank, index))
    for _, index in sorted(ranked):
        if _fits(sample, name, index):
            return index
    return None


def _rank(heading: str, headings: Sequence[str], *, loose: bool) -> int | None:
    if not loose:
        # Blanks are a matter of taste in Japanese, Korean, and capitals: `주문번호`, `UNITPRICE`
        joined = heading.replace(" ", "")
        return next(
            (i for i, known in enumerate(headings) if known.replace(" ", "") == joined), None
        )
    others = words("headings", "others") & set(heading.split())
    if others and not words("headings", "including") & set(heading.split()):
        return None
    spaced = f" {heading} "
    return next((rank for rank, known in enumerate(headings) if f" {known} " in spaced), None)


def _fits(sample: Sample, name: str, index: int) -> bool:
    heading = heading_words(sample.columns[index])
    if name == "drink":
        return heading in _NAMES_OF_NUMBERS or sample.share(index, _is_name) > _ENOUGH
    if name == "store":
        return sample.share(index, _is_place) > _ENOUGH
    if name in _MONEY and is_percentage(sample.columns[index]):
        return False
    if name in _MONEY:
        return _is_amounts(sample, index)
    test = _TESTS.get(name)
    return test is None or sample.share(index, test) > _ENOUGH


def _settle_key(sample: Sample, found: dict[str, int]) -> None:
    """Take a column `order_id` for the rows' own keys if it has no value twice, else for receipts."""
    index = next((i for i, name in enumerate(sample.columns) if name == "order_id"), None)
    if index is None or index in found.values():
        return
    if len(set(sample.texts[index])) == len(sample.texts[index]):
        found["order_id"] = index
    else:
        found.setdefault("receipt", index)


def _settle_moment(sample: Sample, found: dict[str, int], given: Mapping[str, int]) -> None:
    """Decide between a moment in one column and a day beside a time."""
    time = found.get("time")
    if time is not None and "time" not in given and sample.share(time, _is_moment) > _ENOUGH:
        found.setdefault("placed_at", found.pop("time"))
    if "placed_at" in found and "placed_at" not in given and "date" not in given:
        if "time" in found and not _has_clock(sample, found["placed_at"]):
            found["date"] = found.pop("placed_at")
    elif "date" in found and "date" not in given and "time" not in found:
        found["placed_at"] = found.pop("date")
    if "placed_at" in found:
        for name in ("date", "time"):
            if name not in given:
                found.pop(name, None)


def _has_clock(sample: Sample, index: int) -> bool:
    return sample.filled(index) and sample.share(index, _is_moment) > 0.2


def _is_day(text: str) -> bool:
    return bool(number_format(text)) or _is_written_day(text)


def _is_written_day(text: str) -> bool:
    return bool(day_numbers(text) or day_numbers(split_moment(text)[0]))


def _is_long_number(text: str) -> bool:
    """Return whether a text can as well be a receipt's number that begins with a day."""
    return len(text) > 8 and text.isdecimal()


def _is_moment(text: str) -> bool:
    if number_format(text) in ("unix", "unixms"):
        return True
    if number_format(text):
        return any(mark in text for mark in MARKS)
    day, clock = split_moment(text)
    return bool(clock and day_numbers(day)) and without_no_day(text) == text


def _is_clock(text: str) -> bool:
    if read_clock(without_no_day(text)) or LATE_HOURS.fullmatch(text) or _is_moment(text):
        return True
    return is_number(text) and any(mark in text for mark in MARKS) and text[0] in "0.,"


def _is_count(text: str) -> bool:
    number = spelled_number(text)
    return number is not None and any(scaled_number(number.digits, mark) for mark in MARKS)


def _is_place(text: str) -> bool:
    amount = is_number(text) and any(mark in text for mark in MARKS)
    return not amount and plain(text) not in words("cells", "dining")


def _is_name(text: str) -> bool:
    return not is_number(text) and not _is_written_day(text)


_TESTS: Final[dict[str, Callable[[str], bool]]] = {
    "placed_at": _is_day,
    "date": _is_day,
    "time": _is_clock,
    "quantity": _is_count,
    "currency": lambda text: bool(currencies_of(text)),
    "receipt": lambda text: any(map(str.isdecimal, text)) and not _NO_RECEIPT.fullmatch(text),
}
