# mypy: ignore-errors
# ruff: noqa
"""Reads canonical CSV until the real readers are here."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from coffeert.importer.plan import MeaningOptions, Question
from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow, Table, TableRow


class StandinTable:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name
        with path.open("rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()
        with path.open(newline="", encoding="utf-8-sig") as text:
            self.columns = tuple(next(csv.reader(text)))
        self.facts = ("Comma-separated.",)
        self.arguments = ()

    def rows(self) -> Iterator[TableRow]:
        with self._path.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.reader(text)
            next(reader)
            for row in reader:
                yield TableRow(reader.line_num, tuple(row))


@contextmanager
def open_table(path: Path | None, *, encoding: str | None = None, sheet: str | None = None):
    assert path
    yield StandinTable(path)


class StandinPlan:
    facts = ("Canonical.",)
    questions: tuple[Question, ...] = ()
    currency = None
    stated_totals: dict[str, int] = {}

    def __init__(self, table: Table, options: MeaningOptions) -> None:
        self._table = table
        self._options = options
        self.arguments = ()

    def lines(self) -> Iterator[SaleLine | RejectedRow | SkippedRow]:
        places = {name: index for index, name in enumerate(self._table.columns)}
        s, d, q, p, t, r, o = (
            places.get(name)
            for name in ("store", "drink", "quantity", "price", "placed_at", "receipt", "order_id")
        )
        for row in self._table.rows():
            c = row.cells
            try:
                yield SaleLine(
                    row.line,
                    c[s],
                    c[d],
                    int(c[q]),
                    int(Decimal(c[p]) * 100) if c[p] else None,
                    None,
                    datetime.fromisoformat(c[t]).replace(tzinfo=UTC),
                    c[r] if r is not None else None,
                    None,
                    c[o] if o is not None else None,
                )
            except (ValueError, ArithmeticError) as error:
                yield RejectedRow(row.line, c, (str(error),))


def read_plan(table: Table, options: MeaningOptions) -> StandinPlan:
    return StandinPlan(table, options)
