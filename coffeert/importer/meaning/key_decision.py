"""Decides whether the numbers of receipts and rows can tell rows apart, or a spreadsheet has cut them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from coffeert.importer.meaning.notes import Notes
from coffeert.importer.rows import Cell
from coffeert.importer.spelling.cell_text import cell_text, is_cut_number, number_text

_DIGITS: Final = 15
"""Those of a number that spreadsheet programs keep (IEEE 754-2019, binary64); the others become zeros."""
_PROOF: Final = 4
"""How many zeros, over all different numbers, are no chance: one in ten thousand."""
_REMEMBERED: Final = 100


@dataclass(slots=True)
class KeySurvey:
    """What the numbers in a column of receipts or of rows' own keys look like.

    `cut` counts rows with numbers such as `2.02403E+11`, `rounded` those with more than 15 digits, of which
    only the first 15 differ from zero; `whole` says that there are long ones without such zeros.
    """

    cut: int = 0
    rounded: int = 0
    whole: bool = False
    example: tuple[str, int] | None = None
    _different: dict[str, int] = field(default_factory=dict)

    def add(self, cell: Cell, line: int) -> None:
        """Note the number of a row."""
        if is_cut_number(cell):
            self.cut += 1
            self._show(cell_text(cell), line)
            return
        text = cell if type(cell) is str else cell_text(cell)
        if (
            self.whole
            or len(text) <= _DIGITS
            or not (text := number_text(text.strip())).isdecimal()
        ):
            return
        if is_rounded(text):
            self.rounded += 1
            self._show(text, line)
            if len(self._different) < _REMEMBERED:
                self._different[text] = len(text) - _DIGITS
        else:
            self.whole = len(text) > _DIGITS

    def _show(self, text: str, line: int) -> None:
        if self.example is None:
            self.example = (text, line)

    @property
    def loses_digits(self) -> bool:
        """Whether long numbers end in zeros because a spreadsheet has put them there."""
        return not self.whole and sum(self._different.values()) >= _PROOF


def is_rounded(text: str) -> bool:
    """Return whether a number has more than 15 digits, and zeros behind them."""
    return len(text) > _DIGITS and not text[_DIGITS:].strip("0")


def say_cut_keys(keys: dict[str, KeySurvey], headings: dict[str, str], notes: Notes) -> None:
    """Say which rows count as having no number of their own."""
    for name, seen in keys.items():
        rows = seen.cut + (seen.rounded if seen.loses_digits else 0)
        if not rows or seen.example is None:
            continue
        text, line = seen.example
        counted = "1 row counts" if rows == 1 else f"{rows} rows count"
        notes.say(
            f"`{headings[name]}` has numbers whose last digits a spreadsheet program cut, such as {text} "
            f"on line {line}: {counted} as having none. To have them, export the file again and do not "
            "open it there."
        )
