"""What a sign or code beside an amount says about its currency."""

from __future__ import annotations

from collections.abc import Iterable

from coffeert.domain.currency import CURRENCIES
from coffeert.importer.spelling.vocabulary import vocabulary


def currencies_of(mark: str) -> frozenset[str]:
    """Return the currencies that a sign or code can stand for; empty if it is neither."""
    code = mark.strip().rstrip(".").strip()
    if code.upper() in CURRENCIES:
        return frozenset({code.upper()})
    return frozenset(vocabulary("currencies").get(code.casefold(), ()))


class CurrencySurvey:
    """Which currencies the marks beside a file's amounts can stand for."""

    def __init__(self) -> None:
        self.rows: dict[frozenset[str], int] = {}

    def add(self, marks: Iterable[str]) -> None:
        """Count a row's marks; those that are no currency are the business of who reads the amount."""
        for mark in marks:
            if found := currencies_of(mark):
                self.rows[found] = self.rows.get(found, 0) + 1

    def certain(self) -> tuple[str, ...]:
        """Return the currencies that are named beyond doubt, the most frequent first."""
        named = {next(iter(codes)): rows for codes, rows in self.rows.items() if len(codes) == 1}
        return tuple(sorted(named, key=lambda code: -named[code]))

    def possible(self) -> frozenset[str] | None:
        """Return what all marks can stand for together; `None` if there are none."""
        return frozenset.intersection(*self.rows) if self.rows else None
