"""The table in a grid of rows: which rows belong to it, and which are headings, titles or broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from operator import itemgetter

from coffeert.errors import ConfigError
from coffeert.importer.rows import Cell, RejectedRow, SkippedRow, TableRow
from coffeert.importer.table.grid import Block, Cells, Grid, filled, is_value, width
from coffeert.importer.table.heading import Heading, column_names, find_heading
from coffeert.importer.table.sections import SectionWatch
from coffeert.printable import printable

_SAMPLE_ROWS = 500

_table_row = partial(tuple.__new__, TableRow)
"""`TableRow` of (line, cells) without running Python code, of which a file needs millions."""


class GridTable:
    """The only table of a grid.

    All of the grid is read once before, to see whether there are others, whether its quotation marks match,
    and which columns may be missing at the end of a row.
    """

    def __init__(self, name: str, grid: Grid) -> None:
        self._grid = grid
        self._heading = _heading(name, grid)
        self._width = len(self._heading.cells)
        self._empty_row: Cells = [grid.empty] * self._width
        self._optional = 0
        """How many columns at the end are sometimes empty, so that a shorter row lacks nothing."""
        self._last_line = self._heading.line
        """Where the last row of full width is."""
        self._first_torn: RejectedRow | None = None
        self._torn_count = 0
        self._survey(SectionWatch(name, self._heading, grid.place))
        self.columns = column_names(self._heading.cells)
        self.facts = (*self._heading_facts(), *self._torn_facts())

    @property
    def heading_line(self) -> int:
        return self._heading.line

    def _heading_facts(self) -> tuple[str, ...]:
        line, _, above = self._heading
        place = self._grid.place
        if not above:
            return (f"{place.capitalize()} {line} has the headings.",) if line > 1 else ()
        titles = "; ".join(printable(", ".join(map(str, filled(row))), 60) for row in above[:3])
        more = "; ..." if len(above) > 3 else ""
        return (
            f"{place.capitalize()} {line} has the headings; what stands above is left out: {titles}{more}.",
        )

    def _torn_facts(self) -> tuple[str, ...]:
        if self._first_torn is None:
            return ()
        line, _, reasons = self._first_torn
        lines = "1 line is" if self._torn_count == 1 else f"{self._torn_count} lines are"
        return (
            f"{lines} left out for quotation marks that do not match, first line {line}: {reasons[0]}.",
        )

    def rows(self) -> Iterator[TableRow | RejectedRow | SkippedRow]:
        """Read from the beginning; empty rows are passed over."""
        for block in self._blocks():
            if self._is_plain(block.rows):
                yield from map(_table_row, zip(block.lines, map(tuple, block.rows), strict=True))
            else:
                for line, cells in zip(block.lines, block.rows, strict=True):
                    if width(cells):
                        yield self._row(line, cells)
            yield from block.broken

    def _blocks(self) -> Iterator[Block]:
        """What is below the heading."""
        blocks = self._grid.blocks()
        for lines, rows, broken in blocks:
            below = next((i for i, line in enumerate(lines) if line > self._heading.line), None)
            if below is not None:
                yield Block(lines[below:], rows[below:], broken)
                yield from blocks
                return
            if broken:
                yield Block((), [], broken)

    def _is_plain(self, rows: list[Cells]) -> bool:
        """Whether all of the rows are rows of the table, which is seen without looking at each."""
        return (
            set(map(len, rows)) == {self._width}
            and self._empty_row not in rows
            and self._heading.cells not in rows
        )

    def _row(self, line: int, cells: Cells) -> TableRow | RejectedRow | SkippedRow:
        count = len(cells)
        if cells == self._heading.cells:
            return SkippedRow(line, tuple(cells), "the headings again")
        if count == self._width:
            return TableRow(line, tuple(cells))
        if count > self._width >= width(cells):
            return TableRow(line, tuple(cells[: self._width]))
        if self._width > count >= max(2, self._width - self._optional):
            return TableRow(line, (*cells, *[None] * (self._width - count)))
        if cells in self._heading.above:
            return SkippedRow(line, tuple(cells), "the title again")
        if line > self._last_line and _is_sentence(cells):
            return SkippedRow(line, tuple(cells), "text below the table")
        reason = (
            f"has {count} {'cell' if count == 1 else 'cells'}, but there are {self._width} headings"
        )
        return RejectedRow(line, tuple(cells), (reason,))

    def _survey(self, watch: SectionWatch) -> None:
        for block in self._blocks():
            if self._is_plain(block.rows):
                watch.see(block.lines[0], block.rows[0])
                watch.plain()
                self._last_line = block.lines[-1]
                self._find_optional(block.rows)
            else:
                for line, cells in zip(block.lines, block.rows, strict=True):
                    watch.see(line, cells)
                    if len(cells) >= self._width and width(cells):
                        self._last_line = line
                full = [row for row in block.rows if len(row) == self._width and width(row)]
                self._find_optional(full)
            torn = [row for row in block.broken if "quotation mark" in row.reasons[0]]
            self._torn_count += len(torn)
            self._first_torn = self._first_torn or next(iter(torn), None)

    def _find_optional(self, rows: Sequence[Cells]) -> None:
        while self._optional < self._width:
            column = itemgetter(-1 - self._optional)
            if self._grid.empty not in map(column, rows):
                return
            self._optional += 1


def _heading(name: str, grid: Grid) -> Heading:
    rows: list[tuple[int, Cells]] = []
    broken: list[RejectedRow] = []
    for block in grid.blocks():
        rows.extend(zip(block.lines, block.rows, strict=True))
        broken.extend(block.broken[:1])
        if len(rows) >= _SAMPLE_ROWS or len(broken) >= _SAMPLE_ROWS:
            break
    try:
        heading = find_heading(name, rows[:_SAMPLE_ROWS], grid.place)
    except ConfigError:
        if not broken:
            raise
        heading = None
    if heading is None or (broken and broken[0].line < heading.line):
        line, _, reasons = broken[0]
        raise ConfigError(f"{name} cannot be read from line {line} on: {reasons[0]}.")
    return heading


def _is_sentence(cells: Sequence[Cell]) -> bool:
    """Whether a row is one cell of several words, such as `Exported on 14 September`."""
    return len(cells) == 1 and not is_value(cells[0]) and len(str(cells[0]).split()) > 1
