"""Rows of cells, as they stand in a text or a sheet, before anything says which is the heading."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from coffeert.importer.rows import Cell, RejectedRow

Cells = list[Cell]


class Block(NamedTuple):
    """Some consecutive rows and the lines they begin in, and then rows that are broken."""

    lines: Sequence[int]
    rows: list[Cells]
    broken: tuple[RejectedRow, ...] = ()


class Grid(Protocol):
    """Rows in blocks, which can be read repeatedly."""

    @property
    def empty(self) -> Cell:
        """What an empty cell holds."""

    @property
    def place(self) -> str:
        """What a row's number counts: "line" or "row"."""

    def blocks(self) -> Iterator[Block]:
        """Read from the beginning."""


_BLANKS = f"{string.whitespace}\u00a0\u202f\u3000\ufeff\x1a"
"""With the end-of-file mark of DOS."""


def is_empty(cell: Cell) -> bool:
    """Whether nothing is to be seen in a cell."""
    return cell is None or (isinstance(cell, str) and not cell.strip(_BLANKS))


def filled(cells: Sequence[Cell]) -> list[Cell]:
    """The cells that are not empty."""
    return [cell for cell in cells if not is_empty(cell)]


def width(cells: Sequence[Cell]) -> int:
    """The number of cells without empty ones at the end."""
    count = len(cells)
    while count and is_empty(cells[count - 1]):
        count -= 1
    return count


_VALUE = re.compile(
    r"""
    [^\w\s]{0,3} \s? (?: [A-Z]{2,3} \s? (?= \d+[.,]\d ) )? [^\w\s]{0,2} \s?           # $  -£  (  CHF
      \d [\d.,'’\s\u00a0\u202f]{0,30} (?: [eE][-+]?\d{1,3} )?                          # 1,234.50  1e2
      \s? (?: [^\w\s]{1,3} | [A-Za-z]{1,3} )? [^\w\s]?                                # €  USD  )
    | \d{1,4} [-/.\s] (?: \d{1,2} | \w{3,9}\.? ) [-/.\s] \d{1,4} (?: \D .* )?        # dates
    | \d{8} (?: T\d{4,6} .* )?
    | \d{1,2} [:h.] \d{2} .{0,20}                                                     # times
    | [tT]rue | TRUE | [fF]alse | FALSE
    """,
    re.VERBOSE | re.DOTALL,
)


def is_value(cell: Cell) -> bool:
    """Whether a cell is a number, a date, a time or a truth value, which no heading is; it is not empty."""
    return not isinstance(cell, str) or _VALUE.fullmatch(cell.strip()[:80]) is not None
