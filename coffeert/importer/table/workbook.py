"""The rows of a spreadsheet (XLSX), by openpyxl, with what it leaves to its caller.

Written for openpyxl 3.1: `_worksheet_path` is the only internal name used.
"""

from __future__ import annotations

import pickle
import shlex
import tempfile
import warnings
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import BinaryIO, NamedTuple
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from coffeert.errors import ConfigError
from coffeert.importer.rows import Cell
from coffeert.importer.table.container import FileContent
from coffeert.importer.table.grid import Block, Cells, is_empty
from coffeert.importer.table.heading import find_heading
from coffeert.importer.table.sheet_xml import HiddenParts, look_through
from coffeert.printable import printable

_BLOCK_ROWS = 1_000
_SAMPLE_ROWS = 500
_MAX_TEXTS_BYTES = 256 << 20
"""Of the part that holds all different texts of a workbook, which is held in memory."""

_MAX_SHEET_BYTES = 4 << 30
"""Unpacked; the million rows that a sheet can have are a quarter of that."""

_DAMAGED = (
    InvalidFileException, zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError, TypeError,
    IndexError, AttributeError, EOFError, OSError, RuntimeError,
)  # fmt: skip
"""What openpyxl raises for files that are not as they should be."""


class SheetGrid:
    """The rows of a sheet. They are read once and then kept on disk, since a sheet is slow to read.

    `hidden_rows` are numbers of rows that are not empty, `hidden_columns` positions of columns.
    """

    empty: Cell = None
    place = "row"

    def __init__(self, rows: Iterable[Cells], spool: BinaryIO, hidden: HiddenParts) -> None:
        self._spool = spool
        self._width = 0
        self.hidden_columns = hidden.columns
        self.hidden_rows = array("I")
        remaining = enumerate(rows, start=1)
        first = True
        while block := list(islice(remaining, _BLOCK_ROWS)):
            kept = [(line, row) for line, row in block if row]
            self.hidden_rows += hidden.filled([line for line, _ in kept])
            if first:
                self._width = max((len(row) for _, row in kept[:_SAMPLE_ROWS]), default=0)
                first = False
            pickle.dump(kept, spool, protocol=pickle.HIGHEST_PROTOCOL)
        self._end = spool.tell()

    def blocks(self) -> Iterator[Block]:
        """Read from the beginning."""
        position = 0
        while position < self._end:
            self._spool.seek(position)
            block: list[tuple[int, Cells]] = pickle.load(self._spool)  # noqa: S301 - nobody else can write to it
            position = self._spool.tell()
            rows = [
                row if len(row) >= self._width else row + [None] * (self._width - len(row))
                for _, row in block
            ]
            yield Block([line for line, _ in block], rows)


class OpenedSheet(NamedTuple):
    """A sheet that is read; `others` are the titles of the other sheets, and whether they are hidden."""

    grid: SheetGrid
    title: str
    others: dict[str, bool]


@contextmanager
def open_sheet(content: FileContent, sheet: str | None) -> Iterator[OpenedSheet]:
    """The sheet named `sheet`, or the only one with a table.

    Hidden rows and columns are read, as programs do that save a sheet as CSV; hidden sheets only if named.
    Of merged cells the first has the value. Raises `ConfigError` if the workbook is damaged, or if only its
    owner can say which sheet is meant.
    """
    with ExitStack() as opened:
        file = opened.enter_context(content.open())
        opened.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # of styles and extensions, which say nothing about values
        try:
            _refuse_too_much_text(content.name, file)
            workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            opened.callback(workbook.close)
            chosen = _choose(content.name, workbook, sheet)
            hidden = _look_through(content.name, file, chosen)
            spool = opened.enter_context(tempfile.TemporaryFile())
            grid = SheetGrid(_rows(chosen), spool, hidden)
        except _DAMAGED as error:
            raise ConfigError(
                f"{content.name} is damaged or not an XLSX file that can be read: open it in a "
                "spreadsheet program and save it again."
            ) from error
        yield OpenedSheet(grid, chosen.title, _others(workbook, chosen))


def _refuse_too_much_text(name: str, file: BinaryIO) -> None:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            limit = _MAX_TEXTS_BYTES if "sharedStrings" in info.filename else _MAX_SHEET_BYTES
            if info.file_size > limit:
                raise ConfigError(f"{name} is too large for a spreadsheet: save it as CSV.")


def _choose(name: str, workbook: Workbook, sheet: str | None) -> ReadOnlyWorksheet:
    sheets: list[ReadOnlyWorksheet] = list(workbook.worksheets)
    titles = ", ".join(printable(each.title) for each in sheets)
    for each in sheets:
        each.reset_dimensions()  # what the file says of its size may be wrong
    if sheet is not None:
        for each in sheets:
            if each.title == sheet:
                return each
        raise ConfigError(f"{name} has no sheet {printable(sheet)!r}; its sheets are {titles}.")
    visible = [each for each in sheets if each.sheet_state == "visible"] or sheets
    if len(sheets) == 1:
        return sheets[0]
    tables = [each for each in visible if _has_table(each)]
    if len(tables) == 1:
        return tables[0]
    if not tables:
        hidden = next((each for each in sheets if each not in visible and _has_table(each)), None)
        if hidden is None and len(visible) == 1:
            return visible[0]
        advice = f": --sheet {shlex.quote(hidden.title)} reads the hidden one" if hidden else ""
        raise ConfigError(f"{name} has no table in any of its sheets ({titles}){advice}.")
    found = ", ".join(printable(each.title) for each in tables)
    raise ConfigError(
        f"{name} has tables in {len(tables)} sheets ({found}): say which has the sales, such as "
        f"--sheet {printable(tables[0].title)!r}."
    )


def _has_table(sheet: ReadOnlyWorksheet) -> bool:
    rows = list(islice(enumerate(_rows(sheet), start=1), _SAMPLE_ROWS))
    try:
        return (
            len(find_heading("", rows, "row").cells) > 1
            and len([row for _, row in rows if row]) > 1
        )
    except ConfigError:
        return False


def _others(workbook: Workbook, chosen: ReadOnlyWorksheet) -> dict[str, bool]:
    return {
        each.title: each.sheet_state != "visible"
        for each in workbook.worksheets
        if each.title != chosen.title
    }


def _look_through(name: str, file: BinaryIO, sheet: ReadOnlyWorksheet) -> HiddenParts:
    with zipfile.ZipFile(file) as archive, archive.open(sheet._worksheet_path) as xml:
        return look_through(name, sheet.title, xml)


def _rows(sheet: ReadOnlyWorksheet) -> Iterator[Cells]:
    """The rows of a sheet from the first on, without empty cells at the end."""
    for values in sheet.iter_rows(values_only=True):
        row = list(map(_cell, values))
        while row and row[-1] is None:
            row.pop()
        yield row


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return None if is_empty(value) else value
    if value is None or isinstance(value, (bool, int, datetime, date, time, timedelta)):
        return value
    if isinstance(value, float):
        return _number(value)
    return str(value)


def _number(value: float) -> Cell:
    """A number as a spreadsheet program shows it, which is by 15 digits; what is beyond is binary noise.

    A larger whole number has lost its last digits. It becomes text as those programs write it, such as
    `1.30000001573430E+18`, so that nothing takes it for a receipt's number.
    """
    if value.is_integer():
        return int(value) if abs(value) < 10**15 else f"{value:.14E}"
    return Decimal(f"{value:.15g}")
