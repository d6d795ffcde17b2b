"""What the steps of an import hand on to each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

Cell = str | int | Decimal | datetime | date | time | timedelta | bool | None
"""Text from a text file; from a spreadsheet or JSON also other values. None: the row has no such cell."""


class TableRow(NamedTuple):
    """A row of a table, one cell for each column. `line` is where it begins in the file, from 1."""

    line: int
    cells: tuple[Cell, ...]


class RejectedRow(NamedTuple):
    """A row that cannot be read as a sale, with every reason; its owner can correct it."""

    line: int
    cells: tuple[Cell, ...]
    reasons: tuple[str, ...]


class SkippedRow(NamedTuple):
    """A row that is no sale and rightly left out: a voided line, a sum, a repeated heading."""

    line: int
    cells: tuple[Cell, ...]
    reason: str


class SaleLine(NamedTuple):
    """A line of a receipt as a file says it: names instead of codes, amounts in minor units.

    `quantity` is negative for a refund. `total` is what the line costs, with the sign of the quantity; with
    neither price nor total the list price is meant. `receipt` is the receipt's number, `receipt_line` tells
    its lines apart. `order_id` is the row's own key, if the file has one.
    """

    line: int
    store: str
    drink: str
    quantity: int
    price: int | None
    total: int | None
    placed_at: datetime
    receipt: str | None = None
    receipt_line: str | None = None
    order_id: str | None = None


class Table(Protocol):
    """What is in a file: columns with different names, and rows that can be iterated over repeatedly."""

    columns: tuple[str, ...]
    facts: tuple[str, ...]
    """What was understood of its form, each a plain sentence."""

    def rows(self) -> Iterator[TableRow | RejectedRow | SkippedRow]:
        """Read from the beginning.

        A row whose form is broken is a `RejectedRow`; a repeated heading and text below the table are a
        `SkippedRow`.
        """
