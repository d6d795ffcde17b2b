"""The file of rejected rows: complete, never overwritten, read without what was added."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from coffeert.errors import ConfigError
from coffeert.importer.load.rejects import ADDED_COLUMNS, OwnColumns, write_rejects
from coffeert.importer.rows import Cell, RejectedRow, TableRow
from coffeert.importer.table.opening import open_table


class Rows:
    """A table of a few rows."""

    columns: tuple[str, ...] = ("when", "what")
    facts: tuple[str, ...] = ()

    def __init__(self, *rows: tuple[Cell, ...]) -> None:
        self._rows = rows

    def rows(self) -> Iterator[TableRow | RejectedRow]:
        yield RejectedRow(2, ("torn",), ("is torn",))
        for line, cells in enumerate(self._rows, 3):
            yield TableRow(line, cells)


TABLE = Rows(("a", "1"), (datetime(2024, 3, 1, 8), None), ('say "x", y\nz', "ü"))  # noqa: DTZ001
REJECTED = [(2, ["is torn"]), (4, ["no price", "no store"]), (5, ["odd"])]


async def rejected(lines: Sequence[tuple[int, list[str]]]) -> AsyncIterator[tuple[int, list[str]]]:
    for line in lines:
        yield line


async def written(path: Path, *, chosen: bool = False) -> Path:
    return await write_rejects(TABLE, rejected(REJECTED), path, chosen=chosen)


async def test_lines_reasons_and_cells(tmp_path: Path) -> None:
    path = await written(tmp_path / "x.csv")
    rows = list(csv.reader(path.read_text("utf-8-sig").splitlines(keepends=True)))
    assert rows == [
        [*ADDED_COLUMNS, "when", "what"],
        ["2", "is torn", "torn"],
        ["4", "no price; no store", "2024-03-01 08:00:00", ""],
        ["5", "odd", 'say "x", y\nz', "ü"],
    ]


async def test_it_is_read_without_what_was_added(tmp_path: Path) -> None:
    path = await written(tmp_path / "x.csv")
    with open_table(path) as opened:
        table = OwnColumns(opened)
        assert table.columns == ("when", "what")
        assert "passed over" in table.facts[-1]
        cells = [row.cells for row in table.rows()]
    assert cells[-1] == ('say "x", y\nz', "ü")


async def test_a_corrected_file_is_kept(tmp_path: Path) -> None:
    path = await written(tmp_path / "x.csv")
    assert await written(path) == path  # the same again
    path.write_text("corrected")
    assert await written(path) == tmp_path / "x.2.csv"
    assert path.read_text() == "corrected"
    with pytest.raises(ConfigError, match=r"is there already, with other content.*--rejects"):
        await written(path, chosen=True)


async def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be written to .*: No such file.*--rejects"):
        await written(tmp_path / "absent" / "x.csv")


@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("+Tea", "'+Tea"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("-4.80", "-4.80"),
        ("'n Latte", "'n Latte"),
    ],
)
async def test_no_cell_is_a_formula_and_each_is_read_as_it_was(
    tmp_path: Path, cell: str, stored: str
) -> None:
    table = Rows((cell, "1"))
    path = await write_rejects(table, rejected([(3, ["odd"])]), tmp_path / "x.csv", chosen=False)
    rows = list(csv.reader(path.read_text("utf-8-sig").splitlines(keepends=True)))
    assert rows[1][2] == stored
    with open_table(path) as opened:
        (row,) = OwnColumns(opened).rows()
        assert row.cells == (cell, "1")
