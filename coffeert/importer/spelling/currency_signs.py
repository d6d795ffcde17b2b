"""What a sign or code beside an amount says about its currency."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from coffeert.domain.currency import CURRENCIES
from coffeert.importer.spelling.vocabulary import plain, vocabulary, words

_LONGEST: Final = 8
_SEVERAL: Final = 3


def currencies_of(mark: str) -> frozenset[str]:
    """Return the currencies that a sign or code can stand for; empty if it is neither."""
    code = _bare(mark)
    if code.upper() in CURRENCIES:
        return frozenset({code.upper()})
    return frozenset(vocabulary("currencies").get(code.casefold(), ()))


def unknown_sign(mark: str) -> str:
    """Return a mark beside an amount that may be the sign of a currency that is not known here, as `DH` is.

    Empty if it is known, or is something else: thousands or hundredths of a unit, a measure, a percentage.
    """
    sign = plain(_bare(mark))
    other = sign in words("cells", "no_currencies") or sign in words("cells", "pieces")
    written = any(c.isalpha() or unicodedata.category(c) == "Sc" for c in sign)
    return "" if other or not written or len(sign) > _LONGEST or currencies_of(mark) else sign


def _bare(mark: str) -> str:
    return mark.strip().rstrip(".").strip()


class CurrencySurvey:
    """Which currencies the marks beside a file's amounts can stand for.

    `unknown` are signs that are not known, and what the file writes for them; `bare` amounts have no mark.
    """

    def __init__(self) -> None:
        self.rows: dict[frozenset[str], int] = {}
        self.unknown: dict[str, str] = {}
        self.bare = 0

    def add(self, marks: Sequence[str]) -> None:
        """Count a row's marks; those that are no currency are the business of who reads the amount."""
        self.bare += not marks
        for mark in marks:
            if found := currencies_of(mark):
                self.rows[found] = self.rows.get(found, 0) + 1
            elif len(self.unknown) < _SEVERAL:
                self.unknown.setdefault(unknown_sign(mark), mark.strip())

    def certain(self) -> tuple[str, ...]:
        """Return the currencies that are named beyond doubt, the most frequent first."""
        named = {next(iter(codes)): rows for codes, rows in self.rows.items() if len(codes) == 1}
        return tuple(sorted(named, key=lambda code: -named[code]))

    def possible(self) -> frozenset[str] | None:
        """Return what all marks can stand for together; `None` if there are none."""
        return frozenset.intersection(*self.rows) if self.rows else None
