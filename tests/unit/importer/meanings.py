"""Tables in memory, and what the meaning step makes of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from coffeert.importer.meaning.understanding import understand
from coffeert.importer.plan import MeaningOptions, Plan
from coffeert.importer.rows import Cell, RejectedRow, SaleLine, SkippedRow, TableRow


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
