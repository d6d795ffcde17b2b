"""Tables in files and in memory, what is read of them, and what the meaning step makes of it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from coffeert.importer.meaning import understand
from coffeert.importer.plan import MeaningOptions, Plan
from coffeert.importer.rows import Cell, RejectedRow, SaleLine, SkippedRow, TableRow
from coffeert.importer.table import open_table


class Read:
    """All that a table says, read twice to see that it says the same again."""

    def __init__(
        self, path: Path | None, *, encoding: str | None = None, sheet: str | None = None
    ) -> None:
        with open_table(path, encoding=encoding, sheet=sheet) as table:
            self.name = table.name
            self.digest = table.digest
            self.columns = table.columns
            self.facts = table.facts
            self.arguments = table.arguments
            self.all = list(table.rows())
            assert list(table.rows()) == self.all

    @property
    def cells(self) -> list[tuple[Cell, ...]]:
        """The cells of all rows that are neither rejected nor skipped."""
        return [row.cells for row in self.all if isinstance(row, TableRow)]

    @property
    def lines(self) -> list[int]:
        """The lines of those rows."""
        return [row.line for row in self.all if isinstance(row, TableRow)]

    @property
    def rejected(self) -> dict[int, str]:
        """The lines of rejected rows and their reasons."""
        return {
            row.line: "; ".join(row.reasons) for row in self.all if isinstance(row, RejectedRow)
        }

    @property
    def skipped(self) -> dict[int, str]:
        """The lines of skipped rows and their reasons."""
        return {row.line: row.reason for row in self.all if isinstance(row, SkippedRow)}


def read_text(folder: Path, text: str | bytes, **options: str) -> Read:
    """What is read of a file with this content."""
    path = folder / "sales.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Read(path, **options)


def rows_of(*rows: Sequence[Cell]) -> list[tuple[Cell, ...]]:
    """Rows to compare with."""
    return [tuple(row) for row in rows]


@dataclass
class MemoryTable:
    """Rows whose lines are numbered from 2, below the headings."""

    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    facts: tuple[str, ...] = ()

    def rows(self) -> Iterator[TableRow]:
        return (TableRow(line, cells) for line, cells in enumerate(self.cells, start=2))


@dataclass(frozen=True)
class Outcome:
    """All that a plan and its lines say."""

    plan: Plan
    sales: tuple[SaleLine, ...] = ()
    rejected: tuple[RejectedRow, ...] = ()
    skipped: tuple[SkippedRow, ...] = ()

    @property
    def sum(self) -> int:
        return sum(cost(sale) for sale in self.sales)

    @property
    def reasons(self) -> list[str]:
        return [reason for row in self.rejected for reason in row.reasons]


def cost(sale: SaleLine) -> int:
    """Return what a line costs in minor units."""
    if sale.total is not None:
        return sale.total
    assert sale.price is not None
    return sale.quantity * sale.price


def table(text: str, separator: str = ",") -> MemoryTable:
    """Return the table of a CSV."""
    header, *rows = csv.reader(text.strip().splitlines(), delimiter=separator)
    width = len(header)
    return MemoryTable(
        tuple(header), tuple((*row, *[None] * (width - len(row))) for row in rows if row)
    )


def of_rows(columns: Sequence[str], *rows: Sequence[Cell]) -> MemoryTable:
    """Return a table of cells that need not be text."""
    return MemoryTable(tuple(columns), tuple(map(tuple, rows)))


def read(
    source: str | MemoryTable, *, zone: str | None = "Europe/Berlin", **options: Any
) -> Outcome:
    """Return what a table is understood to mean; with questions left, only the plan."""
    found = table(source) if isinstance(source, str) else source
    plan = understand(
        found, MeaningOptions(zone=None if zone is None else ZoneInfo(zone), **options)
    )
    if plan.questions:
        return Outcome(plan)
    lines = tuple(plan.lines())
    return Outcome(
        plan,
        tuple(line for line in lines if isinstance(line, SaleLine)),
        tuple(line for line in lines if isinstance(line, RejectedRow)),
        tuple(line for line in lines if isinstance(line, SkippedRow)),
    )


def options_of(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the options that a command's arguments stand for."""
    found: dict[str, Any] = {"columns": {}, "missing": {}, "zone": None}
    for option, value in zip(arguments[::2], arguments[1::2], strict=True):
        name, _, rest = value.partition("=")
        match option.removeprefix("--"):
            case "map":
                found["columns"][name] = rest
            case "missing":
                found["missing"][name] = rest
            case "timezone":
                found["zone"] = value
            case "skip" | "refund" | "sale" as condition:
                found[condition] = (*found.get(condition, ()), value)
            case other:
                found[other.replace("-", "_")] = value
    return found
