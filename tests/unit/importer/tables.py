"""Files for tests of tables, and what is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coffeert.importer.rows import Cell, RejectedRow, SkippedRow, TableRow
from coffeert.importer.table.opening import open_table


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
