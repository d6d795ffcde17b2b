"""Amounts of money in minor units, and numbers of pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final

from coffeert.domain.money import MAX_AMOUNT_CENTS
from coffeert.domain.orders import MAX_QUANTITY
from coffeert.importer.meaning.memory import remember
from coffeert.importer.spelling.cell_text import Fault, is_missing
from coffeert.importer.spelling.currency_signs import currencies_of, unknown_sign
from coffeert.importer.spelling.numbers import (
    SpelledNumber,
    scaled_number,
    spelled_number,
)
from coffeert.importer.spelling.vocabulary import plain, words

_OTHER_MARK: Final = {".": "decimal comma", ",": "decimal point"}


@dataclass(slots=True, kw_only=True)
class _NumberReader(ABC):
    """Reads the numbers of a column, whose decimal mark is `mark`, and remembers the texts it has read."""

    mark: str
    _read: dict[str, int | Fault] = field(default_factory=dict)

    def read(self, text: str) -> int | Fault | None:
        """Return the number, `None` if it is missing."""
        known = self._read.get(text)
        if known is not None:
            return known
        if is_missing(text):
            return None
        value = self._value(text)
        remember(self._read, text, value)
        return value

    @abstractmethod
    def _value(self, text: str) -> int | Fault:
        """Read a text that is not missing."""


@dataclass(slots=True, kw_only=True)
class AmountReader(_NumberReader):
    """Reads amounts in minor units.

    `currency` is that of the file or the installation, `None` if
    neither says one; `places` are its decimal places. `sign` is one for it that only this file writes.
    `largest` is in minor units.
    """

    heading: str = "amount"
    places: int
    currency: str | None
    sign: str = ""
    largest: int = MAX_AMOUNT_CENTS

    def _value(self, text: str) -> int | Fault:
        number = spelled_number(text)
        if number is None:
            return Fault(f"`{self.heading}` is no amount of money")
        if fault := self._wrong_currency(number):
            return fault
        scaled = scaled_number(number.digits, self.mark)
        if scaled is None:
            return _unreadable(number, self.heading, self.mark)
        minor = scaled.whole(self.places)
        if minor is None:
            unit = self.currency or "the currency"
            return Fault(
                f"`{self.heading}` has more decimal places than {unit} has, which are {self.places}"
            )
        if minor > self.largest:
            return Fault(f"`{self.heading}` is more than any sale can cost")
        return -minor if number.negative else minor

    def _wrong_currency(self, number: SpelledNumber) -> Fault | None:
        for mark in number.marks:
            codes = currencies_of(mark)
            if not codes and self.sign and unknown_sign(mark) == self.sign:
                continue
            if not codes:
                return Fault(f"`{self.heading}` is no amount of money")
            if self.currency is not None and self.currency not in codes:
                return Fault(
                    f"`{self.heading}` is not in {self.currency}, as the other amounts are"
                )
        return None


@dataclass(slots=True, kw_only=True)
class PercentReader(_NumberReader):
    """Reads percentages in hundredths of a percent, whatever their sign."""

    heading: str = "discount"

    def _value(self, text: str) -> int | Fault:
        number = spelled_number(text.strip("% "))
        scaled = None
        if number is not None and not number.marks:
            scaled = scaled_number(number.digits, self.mark)
        hundredths = None if scaled is None else scaled.whole(2)
        if hundredths is None or hundredths > 10_000:
            return Fault(f"`{self.heading}` is no percentage from 0 to 100")
        if 0 < hundredths < 100:  # As a spreadsheet's 10% is, whose cell holds 0.1.
            return Fault(f"`{self.heading}` is below one percent, and may be a fraction")
        return hundredths


@dataclass(slots=True, kw_only=True)
class PiecesReader(_NumberReader):
    """Reads numbers of pieces, negative for those that came back."""

    heading: str = "quantity"

    def _value(self, text: str) -> int | Fault:
        number = spelled_number(text)
        if number is None:
            return Fault(f"`{self.heading}` is no number of pieces")
        if number.marks and not _means_pieces(number.marks):
            return Fault(f"`{self.heading}` is measured, not a number of pieces")
        scaled = scaled_number(number.digits, self.mark)
        if scaled is None:
            return _unreadable(number, self.heading, self.mark)
        pieces = scaled.whole(0)
        if pieces is None:
            return Fault(
                f"`{self.heading}` is no whole number of pieces, as of something that is weighed"
            )
        if not 0 < pieces <= MAX_QUANTITY:
            return Fault(f"`{self.heading}` is no number of pieces from 1 to {MAX_QUANTITY}")
        return -pieces if number.negative else pieces


def _means_pieces(marks: tuple[str, ...]) -> bool:
    return all(plain(mark).strip(". ") in words("cells", "pieces") for mark in marks)


def _unreadable(number: SpelledNumber, heading: str, mark: str) -> Fault:
    other = "," if mark == "." else "."
    if scaled_number(number.digits, other) is not None:
        return Fault(f"`{heading}` has a {_OTHER_MARK[mark]}, unlike the other numbers there")
    return Fault(f"`{heading}` is no number that can be read")
