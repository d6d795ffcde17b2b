"""Reading a file as a table, whatever program wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from coffeert.errors import ConfigError
from coffeert.importer.rows import RejectedRow, SkippedRow, Table, TableRow
from coffeert.importer.table.container import FileContent, open_content
from coffeert.importer.table.delimited import DelimitedGrid, find_dialect
from coffeert.importer.table.encoding import TextForm, text_form
from coffeert.importer.table.grid_table import GridTable
from coffeert.importer.table.json_table import Form, JsonTable, json_form
from coffeert.printable import printable

if TYPE_CHECKING:
    from coffeert.importer.table.workbook import OpenedSheet

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SAMPLE_LINES = 1_000
_SHOWN = 3
_SAMPLE_CHARACTERS = 1 << 20


class OpenedTable:
    """A file's table. `digest` is the SHA-256 of the file as given.

    `arguments` are the options of the command that would read the same form without guessing.
    """

    def __init__(
        self, content: FileContent, table: Table, facts: tuple[str, ...], arguments: tuple[str, ...]
    ) -> None:
        self._table = table
        self.name = content.name
        self.digest = content.digest
        self.columns = table.columns
        self.facts = (*content.facts, *facts, *table.facts)
        self.arguments = (*content.part, *arguments)

    def rows(self) -> Iterator[TableRow | RejectedRow | SkippedRow]:
        """Read from the beginning, any number of times while the file is open."""
        return self._table.rows()


@contextmanager
def open_table(
    path: Path | None, *, encoding: str | None = None, sheet: str | None = None
) -> Iterator[OpenedTable]:
    """Find the table in a file, standard input for `None`.

    `sheet` is the sheet of a workbook, or the file of an archive. Raises `ConfigError` if there is no
    table, more than one, or something about its form that only its owner can say.
    """
    with open_content(path, sheet) as content:
        if content.kind == "text":
            if sheet is not None and not content.part:
                raise ConfigError(f"{content.name} has no sheets: leave --sheet out.")
            yield _text_table(content, encoding)
        else:
            with _workbook_table(content, None if content.part else sheet) as table:
                yield table


def _text_table(content: FileContent, encoding: str | None) -> OpenedTable:
    form = text_form(content.open, content.name, encoding)
    with closing(form.parts(content.open)) as parts:
        sample = _sample(parts)
    if form.long_line is not None:  # the parts are no lines
        sample = "".join(sample).split("\n")
    json = json_form(sample)
    if json == "document" or (json == "lines" and form.long_line is None):
        return OpenedTable(content, _json_table(content, form, json), form.facts, form.arguments)
    if form.long_line is not None:
        raise ConfigError(
            f"{content.name}: line {form.long_line} is too long for a line of a table."
        )
    dialect = find_dialect(sample)
    table = GridTable(content.name, DelimitedGrid(content.open, form, dialect))
    facts: tuple[str, ...] = ()
    if dialect.delimiter != "," and len(table.columns) > 1:
        separator = _SEPARATORS.get(dialect.delimiter, f"`{dialect.delimiter}`")
        facts = (f"Its cells are separated by {separator}.",)
    return OpenedTable(content, table, (*form.facts, *facts), form.arguments)


@contextmanager
def _workbook_table(content: FileContent, sheet: str | None) -> Iterator[OpenedTable]:
    # Slow to import, and most files need it not.
    from coffeert.importer.table.workbook import open_sheet

    with open_sheet(content, sheet) as opened:
        table = GridTable(content.name, opened.grid)
        facts = tuple(_sheet_facts(opened, table))
        yield OpenedTable(content, table, facts, ("--sheet", opened.title) if opened.others else ())


def _sheet_facts(opened: OpenedSheet, table: GridTable) -> Iterator[str]:
    """Say which sheet is read, and what of it its owner may not see."""
    if opened.others:
        yield f"Of its sheets, {printable(opened.title)} is read."
    hidden = ", ".join(printable(title) for title, hides in opened.others.items() if hides)
    if hidden:
        yield f"Hidden sheets are not read, unless --sheet names one: {hidden}."
    rows = [row for row in opened.grid.hidden_rows if row > table.heading_line]
    if rows:
        shown = ", ".join(map(str, rows[:_SHOWN])) + (", ..." if len(rows) > _SHOWN else "")
        if len(rows) == 1:
            yield f"1 hidden row is read too (row {shown}). To leave it out, delete it in the file."
        else:
            yield (
                f"{len(rows):,} hidden rows are read too (rows {shown}). To leave them out, delete them "
                "in the file."
            )
    columns = [n for i, n in enumerate(table.columns) if i in opened.grid.hidden_columns]
    if columns:
        yield f"Hidden columns are read like others: {', '.join(f'`{name}`' for name in columns)}."


def _json_table(content: FileContent, form: TextForm, json: Form) -> JsonTable:
    def parts() -> Iterator[str]:
        if json == "document":
            yield from form.parts(content.open)
        else:
            with form.lines(content.open) as lines:
                yield from lines

    return JsonTable(content.name, parts, json)


def _sample(lines: Iterator[str]) -> list[str]:
    """The first lines of a text."""
    sample: list[str] = []
    left = _SAMPLE_CHARACTERS
    for line in islice(lines, _SAMPLE_LINES):
        sample.append(line)
        left -= len(line)
        if left < 0:
            break
    return sample
