"""Which column holds what: by a preset, by the owner's word, or by what is found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from coffeert.errors import ConfigError
from coffeert.importer.meaning.columns import Sample, find_columns, loosely_found
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.meaning.presets import ExportPreset, column_named, preset_named, recognised
from coffeert.importer.meaning.statuses import Kind, StatusColumn, find_statuses
from coffeert.importer.plan import FIELDS, MeaningOptions
from coffeert.importer.rows import Cell, RejectedRow, SkippedRow, Table, TableRow
from coffeert.importer.spelling.cell_text import cell_text, is_missing

_SAMPLE: Final = 1000
_CALLED: Final = {
    "placed_at": "date and time",
    "zone": "time zone",
    "quantity": "pieces",
    "receipt_line": "line of the receipt",
    "order_id": "order id",
}
"""What a field is called in a sentence, if not by its name."""
_NEEDED: Final = (
    "placed_at", "date", "time", "store", "drink", "quantity", "price", "total", "amount", "discount",
)  # fmt: skip
"""Fields without which, or with another column for which, sales would be others."""
_SHOWN: Final = 12
_SIDEWAYS = re.compile(
    r"(?:.*\W)?(?:line ?)?(?:item|product|article)s?[ _]?[0-9]+(?:\W.*)?", re.IGNORECASE
)


@dataclass(slots=True)
class Layout:
    """The columns of a table by field, and the columns that tell what a row is."""

    columns: tuple[str, ...]
    fields: dict[str, int]
    statuses: list[StatusColumn]
    meanings: Mapping[tuple[int, str], Kind]
    preset: ExportPreset | None
    sample: Sample
    missing: dict[str, str] = field(default_factory=dict)

    def heading(self, name: str) -> str:
        """Return the heading of a field's column."""
        return self.columns[self.fields[name]]

    def at(self, name: str) -> int:
        """Return a field's column, -1 if it has none."""
        return self.fields.get(name, -1)


def find_layout(table: Table, options: MeaningOptions, notes: Notes) -> Layout:
    """Find the columns; raises `ConfigError` for options that name what is not there, or a refused file."""
    columns = table.columns
    for name in options.missing:
        _check_field(name, "missing")
    given = _given(columns, options.columns)
    without = frozenset(name for name, column in options.columns.items() if not column)
    preset = _preset(columns, options.preset)
    sample = Sample(columns, list(islice(_table_rows(table.rows()), _SAMPLE)))
    if preset is not None:
        if preset.refuse:
            raise ConfigError(f"This is {preset.title}: {preset.refuse}")
        found = _preset_fields(preset, columns) | given
        notes.say(f"The file is {preset.title}.")
        notes.facts += preset.facts
        notes.argue("--preset", options.preset or preset.name)
    else:
        _refuse_sideways(columns)
        found = find_columns(sample, given, without)
        if "price" in found and "amount" in found:
            found["total"] = found.pop("amount")
        notes.argue("--preset", "none")
    fields = {name: index for name, index in found.items() if name not in without}
    layout = Layout(columns, fields, [], {}, preset, sample, _missing(preset, options))
    _find_statuses(layout, given)
    _say_columns(layout, notes)
    if preset is None:
        _say_assumed(layout, given, notes)
    _argue_columns(layout, options, notes)
    return layout


def inherited(rows: Iterable[object], layout: Layout) -> Iterator[object]:
    """Fill the cells that a row leaves to the row before."""
    preset = layout.preset
    if preset is None or not preset.inherit:
        yield from rows
        return
    indices = [
        i for name in preset.inherit if (i := column_named(layout.columns, name)) is not None
    ]
    key = column_named(layout.columns, preset.inherit_by) if preset.inherit_by else None
    last: tuple[Cell, ...] | None = None
    for row in rows:
        if type(row) is TableRow:
            if last is not None and (key is None or _same(row.cells[key], last[key])):
                cells = list(row.cells)
                for index in indices:
                    if is_missing(cell_text(cells[index])):
                        cells[index] = last[index]
                row = TableRow(row.line, tuple(cells))
            last = row.cells
        yield row


def _same(cell: Cell, earlier: Cell) -> bool:
    text = cell_text(cell)
    return is_missing(text) or text == cell_text(earlier)


def _table_rows(rows: Iterator[TableRow | RejectedRow | SkippedRow]) -> Iterator[TableRow]:
    return (row for row in rows if type(row) is TableRow)


def _check_field(name: str, option: str) -> None:
    if name not in FIELDS:
        there = ", ".join(FIELDS)
        raise ConfigError(f"--{option} {name}=...: there is no field {name!r}; there are {there}.")


def _given(columns: Sequence[str], named: Mapping[str, str]) -> dict[str, int]:
    given = {}
    for name, column in named.items():
        _check_field(name, "map")
        if not column:
            continue
        index = column_named(columns, column)
        if index is None:
            there = ", ".join(columns)
            raise ConfigError(
                f"--map {name}={column}: there is no column {column!r}; there are {there}."
            )
        given[name] = index
    return given


def _preset(columns: Sequence[str], name: str | None) -> ExportPreset | None:
    if name == "none":
        return None
    if name is None:
        return recognised(columns)
    preset = preset_named(name)
    for heading in preset.header:
        if column_named(columns, heading) is None:
            raise ConfigError(
                f"The preset {name} needs a column {heading!r}, which the file does not have."
            )
    return preset


def _preset_fields(preset: ExportPreset, columns: Sequence[str]) -> dict[str, int]:
    found = {name: preset.column(columns, name) for name in preset.columns}
    return {name: index for name, index in found.items() if index is not None}


def _refuse_sideways(columns: Sequence[str]) -> None:
    sideways = [column for column in columns if _SIDEWAYS.fullmatch(column)]
    if len(sideways) > 3:
        raise ConfigError(
            f"Each row is a whole order with its items side by side ({sideways[0]}, {sideways[1]}, ...). "
            "Export one row for each item instead."
        )


def _missing(preset: ExportPreset | None, options: MeaningOptions) -> dict[str, str]:
    return {**(preset.missing if preset else {}), **options.missing}


def _find_statuses(layout: Layout, given: Mapping[str, int]) -> None:
    preset, columns = layout.preset, layout.columns
    meanings: dict[tuple[int, str], Kind] = {}
    if preset is None:
        layout.statuses = find_statuses(layout.sample, layout.fields.values())
    else:
        for heading, words in preset.status.items():
            if (index := column_named(columns, heading)) is not None:
                layout.statuses.append(StatusColumn(index, columns[index]))
                meanings.update({(index, word): kind for word, kind in words.items()})
        for heading, flag in preset.flags.items():
            if (index := column_named(columns, heading)) is not None:
                layout.statuses.append(StatusColumn(index, columns[index], flag, flag is None))
    known = {status.index for status in layout.statuses}
    if "status" in given and given["status"] not in known:
        layout.statuses.append(StatusColumn(given["status"], columns[given["status"]]))
    layout.meanings = meanings


def _say_columns(layout: Layout, notes: Notes) -> None:
    used = [
        f"{_CALLED.get(name, name)} from `{layout.columns[i]}`" for name, i in layout.fields.items()
    ]
    if layout.statuses:
        headings = " and ".join(f"`{status.heading}`" for status in layout.statuses)
        used.append(f"what a row is from {headings}")
    taken = {*layout.fields.values(), *(status.index for status in layout.statuses)}
    idle = [f"`{name}`" for index, name in enumerate(layout.columns) if index not in taken and name]
    notes.say(f"Columns used: {', '.join(used)}.")
    if idle:
        more = f" and {len(idle) - _SHOWN} more" if len(idle) > _SHOWN else ""
        notes.say(f"Not used: {', '.join(idle[:_SHOWN])}{more}.")


def _say_assumed(layout: Layout, given: Mapping[str, int], notes: Notes) -> None:
    """Say which columns only a word, or what is in them, speaks for."""
    assumed = loosely_found(layout.columns, layout.fields, given)
    for name in _NEEDED:
        if name in assumed:
            sign = "a part of its name" if assumed[name] else "what is in it"
            field = "price" if name == "amount" else name
            notes.say(
                f"`{layout.heading(name)}` is assumed to be the {_CALLED.get(name, name)}: only {sign} "
                f"says so. If it is not, --map {field}=COLUMN says which is."
            )


def _argue_columns(layout: Layout, options: MeaningOptions, notes: Notes) -> None:
    for name, index in layout.fields.items():
        if name in FIELDS and (layout.preset is None or name in options.columns):
            notes.argue("--map", f"{name}={layout.columns[index]}")
    for name, column in options.columns.items():
        if not column:
            notes.argue("--map", f"{name}=")
