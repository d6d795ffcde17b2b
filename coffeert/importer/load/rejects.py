"""The file of rejected rows, to be corrected and imported."""

from __future__ import annotations

import csv
import io
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from coffeert.errors import ConfigError
from coffeert.importer.rows import Cell, RejectedRow, SkippedRow, Table, TableRow

ADDED_COLUMNS: Final = ("coffeert_line", "coffeert_reasons")
"""The first columns of a rejects file, which an import passes over."""
_MAX_FILES: Final = 1000
# What a spreadsheet program would run: an apostrophe before it makes it text, and is passed over.
_FORMULA: Final = re.compile(r"'*[=+@\t\r-]")
_SIGNED: Final = re.compile(r"[+-][0-9.,\s]*")
_BLOCK_BYTES: Final = 1 << 20


class OwnColumns:
    """A table without the columns that a rejects file has added to it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._added = len(ADDED_COLUMNS) if table.columns[:2] == ADDED_COLUMNS else 0
        self.columns = tuple(table.columns[self._added :])
        if self._added:
            self.columns = tuple(str(_unquoted(column)) for column in self.columns)
        self.facts = table.facts
        if self._added:
            self.facts = (
                *table.facts,
                "It is a file of rejected rows: what was added is passed over.",
            )

    def rows(self) -> Iterator[TableRow | RejectedRow | SkippedRow]:
        """Read from the beginning."""
        rows = self._table.rows()
        if not self._added:
            return rows
        return (row._replace(cells=tuple(map(_unquoted, row.cells[self._added :]))) for row in rows)


async def write_rejects(
    table: Table, rejected: AsyncIterator[tuple[int, list[str]]], path: Path, *, chosen: bool
) -> Path:
    """Write rejected lines, with their reasons, beside the cells that the table has there.

    A file that is there already and differs is kept, since its owner may have corrected it: another name is
    used, or if the owner has `chosen` the path, `ConfigError` raised.
    """
    try:
        with tempfile.TemporaryFile() as spool:
            text = io.TextIOWrapper(spool, encoding="utf-8-sig", newline="")
            writer = csv.writer(text)
            writer.writerow((*ADDED_COLUMNS, *map(_text, table.columns)))
            cells_of = _RowsInOrder(table)
            async for line, reasons in rejected:
                for cells in cells_of(line):
                    writer.writerow((line, "; ".join(reasons), *map(_text, cells)))
            text.detach()
            return _keep(spool, path, chosen=chosen)
    except OSError as error:
        raise ConfigError(
            f"The rejected rows cannot be written to {str(path)!r}: {error.strerror}; "
            "say with --rejects to which file."
        ) from None


class _RowsInOrder:
    """Finds the cells of lines that are asked for in rising order."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows()
        self._next = next(self._rows, None)

    def __call__(self, line: int) -> Iterator[tuple[Cell, ...]]:
        while self._next is not None and self._next.line <= line:
            if self._next.line == line:
                yield self._next.cells
            self._next = next(self._rows, None)


def _keep(spool: BinaryIO, path: Path, *, chosen: bool) -> Path:
    for number in range(1, _MAX_FILES):
        target = path if number == 1 else path.with_suffix(f".{number}{path.suffix}")
        spool.seek(0)
        try:
            with target.open("xb") as file:
                shutil.copyfileobj(spool, file)
        except FileExistsError:
            if target.is_file() and _equal(spool, target):
                return target
            if chosen:
                break
        else:
            return target
    raise ConfigError(
        f"{str(path)!r} is there already, with other content: say with --rejects to which file."
    )


def _equal(spool: BinaryIO, path: Path) -> bool:
    with path.open("rb") as file:
        while block := spool.read(_BLOCK_BYTES):
            if file.read(len(block)) != block:
                return False
        return not file.read(1)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    text = str(cell)
    return f"'{text}" if _FORMULA.match(text) and not _SIGNED.fullmatch(text) else text


def _unquoted(cell: Cell) -> Cell:
    quoted = isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell)
    return cell[1:] if isinstance(cell, str) and quoted else cell
