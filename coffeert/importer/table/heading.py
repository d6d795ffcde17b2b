"""Finding the heading of a table by what stands in it and what follows it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from coffeert.errors import ConfigError
from coffeert.importer.rows import Cell
from coffeert.importer.table.grid import Cells, filled, is_value, width
from coffeert.printable import printable

_MAX_NAME_LENGTH = 120
_MAX_TITLE_ROWS = 60
_COMPARED_ROWS = 100
_MAX_COLUMNS = 2_000


class Heading(NamedTuple):
    """The row that names the columns; `above` are the rows before it that are not empty."""

    line: int
    cells: Cells
    above: tuple[Cells, ...]


def find_heading(name: str, rows: Sequence[tuple[int, Cells]], place: str = "line") -> Heading:
    """The first row that reads as a heading, followed by rows that fit it.

    `rows` is the beginning of the table, or all of it. Raises `ConfigError` if there is none.
    """
    present = [(line, cells) for line, cells in rows if width(cells)]
    if not present:
        raise ConfigError(f"{name} has no rows.")
    for position, (line, cells) in enumerate(present[:_MAX_TITLE_ROWS]):
        above = tuple(row for _, row in present[:position])
        below = [row for _, row in present[position + 1 :]]
        if is_heading(cells, below):
            if not below and any(width(row) >= width(cells) for row in above):
                break
            if any(_is_data(row, cells) for row in above):
                break
            if (other := _table_in(present[:position])) is not None:
                raise several_tables(name, place, other, line)
            if len(cells) > _MAX_COLUMNS:
                raise ConfigError(f"{name} has {len(cells)} columns, more than {_MAX_COLUMNS}.")
            return Heading(line, cells, above)
    line, cells = max(present, key=lambda row: len(filled(row[1])))
    shown = printable(", ".join(str(cell) for cell in filled(cells)[:4]), 60)
    raise ConfigError(
        f"{name} has no headings: no row names the columns of {place} {line} (`{shown}`); "
        "add a first line such as placed_at,store,drink,quantity,price."
    )


def is_heading(cells: Cells, following: Sequence[Cells]) -> bool:
    """Whether `cells` name the columns of the rows that follow."""
    names = filled(cells)
    count = width(cells)
    if len(names) * 10 < count * 6 or any(map(is_value, names)):
        return False
    if len({str(cell).strip().casefold() for cell in names}) * 2 <= len(names) and len(names) > 1:
        return False
    others = [row for row in following if row != cells]
    if not others:
        return len(names) > 1 and not following
    most = count + count // 4  # the last of many headings may be empty
    fitting = sum(width(row) <= most for row in others[:50])
    wide = sum(width(row) > 1 for row in others[:50])
    if fitting * 10 < len(others[:50]) * 6 or (count == 1 and wide):
        return False
    return not _recurs(cells, others[:_COMPARED_ROWS])


def _recurs(cells: Cells, rows: Sequence[Cells]) -> bool:
    """Whether half of the cells stand in the same column again, as values do and names do not."""
    again = sum(
        any(position < len(row) and row[position] == cell for row in rows)
        for position, cell in enumerate(cells)
        if cell and not (isinstance(cell, str) and cell.isspace())
    )
    return again * 2 >= len(filled(cells))


def _is_data(row: Cells, heading: Cells) -> bool:
    """Whether a row above the heading belongs to the table, which then has no heading."""
    values = filled(row)
    return (
        len(row) == len(heading) > 1
        and len(values) * 10 >= len(filled(heading)) * 7
        and any(map(is_value, values))
    )


def _table_in(rows: Sequence[tuple[int, Cells]]) -> int | None:
    """The line of another heading that has values below; `From,To` with one row are a filter."""
    for position, (line, cells) in enumerate(rows):
        count = width(cells)
        below: list[Cells] = []
        for _, row in rows[position + 1 :]:
            if width(row) != count:
                break
            below.append(row)
        valued = sum(any(map(is_value, filled(row))) for row in below)
        if count > 1 and count * valued > 2 and is_heading(cells, below):
            return line
    return None


def several_tables(name: str, place: str, first: int, second: int) -> ConfigError:
    """What is said of a file with two headings."""
    return ConfigError(
        f"{name} holds several tables (their headings are in {place}s {first} and {second}): "
        "save the one with the sales in a file of its own."
    )


def column_names(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Different names for all columns: `Qty`, `Qty (2)`; `column 3` if there is none.

    Blanks around and line ends within are left out, and the apostrophe by which a spreadsheet marks text.
    """
    taken: set[str] = set()
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        text = "" if cell is None else unicodedata.normalize("NFC", str(cell))
        base = " ".join(text.split()).removeprefix("'").strip()[:_MAX_NAME_LENGTH]
        base = base or f"column {number}"
        name, count = base, 1
        while name.casefold() in taken:
            count += 1
            name = f"{base} ({count})"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)
