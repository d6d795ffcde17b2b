"""Tables in JSON: an object a line, an array of objects, or one object that holds such an array.

Numbers are exact; what is nested is named with dots. Only one object is in memory at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from coffeert.errors import ConfigError
from coffeert.importer.rows import Cell, RejectedRow, SkippedRow, TableRow
from coffeert.importer.table.heading import column_names
from coffeert.importer.table.json_scanner import JsonScanner, MalformedJson, decode
from coffeert.printable import printable

_MAX_COLUMNS = 2_000
_MAX_DEPTH = 20
_MAX_SHOWN = 1_000

_encoder = json.JSONEncoder(ensure_ascii=False, default=str)

Form = Literal["lines", "document"]
"""An object a line, or one JSON text."""


class _Object(NamedTuple):
    line: int
    fields: dict[str, Cell]


class _UnusableValue(Exception):
    """A value that is no cell, in words that follow the row's number."""


def json_form(sample: list[str]) -> Form | None:
    """What a text is that begins with these lines, `None` if it is not JSON."""
    lines = [line.strip() for line in sample if line.strip()]
    if not lines:
        return None
    if re.match(r'\[\s*[\[{\]]|\{\s*["}]', " ".join(lines[:2])) is None:
        return None
    if lines[0].startswith("["):
        return "document"
    try:
        first = decode(lines[0])
    except MalformedJson as error:
        return "document" if error.is_beginning or len(lines) == 1 else "lines"
    holds_rows = isinstance(first, dict) and any(map(_is_array_of_objects, first.values()))
    return "document" if len(lines) == 1 and holds_rows else "lines"


def _is_array_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


class JsonTable:
    """The objects of a text; the columns are all names of all of them.

    All of the text is read once before. Raises `ConfigError` if it is no JSON or holds no objects.
    """

    def __init__(self, name: str, read_parts: Callable[[], Iterator[str]], form: Form) -> None:
        self._name = name
        self._read_parts = read_parts
        self._form = form
        self._member = self._only_member() if form == "document" else None
        self._fields: dict[str, None] = {}
        for row in self._objects():
            if isinstance(row, _Object):
                self._fields.update(dict.fromkeys(row.fields))
                if len(self._fields) > _MAX_COLUMNS:
                    raise ConfigError(f"{name} has more than {_MAX_COLUMNS} different fields.")
        if not self._fields:
            raise ConfigError(f"{name} is JSON without an object that could be a sale.")
        self.columns = column_names(tuple(self._fields))
        what = "one JSON object a line" if form == "lines" else "a JSON array"
        held = f" under `{printable(self._member)}`" if self._member else ""
        self.facts: tuple[str, ...] = (f"The rows are {what}{held}.",)

    def rows(self) -> Iterator[TableRow | RejectedRow | SkippedRow]:
        """Read from the beginning."""
        for row in self._objects():
            if isinstance(row, _Object):
                yield TableRow(row.line, tuple(map(row.fields.get, self._fields)))
            else:
                yield row

    def _objects(self) -> Iterator[_Object | RejectedRow]:
        values = self._line_values() if self._form == "lines" else self._document_values()
        for line, value in values:
            if isinstance(value, MalformedJson):
                yield RejectedRow(line, (value.text[:_MAX_SHOWN],), (f"is no JSON: {value}",))
                continue
            try:
                if not isinstance(value, dict):
                    raise _UnusableValue("is no JSON object")
                yield _Object(line, flattened(value))
            except _UnusableValue as error:
                shown = json.dumps(value, default=str)[:_MAX_SHOWN]
                yield RejectedRow(line, (shown,), (str(error),))

    def _line_values(self) -> Iterator[tuple[int, object]]:
        for line, text in enumerate(self._read_parts(), start=1):
            if text.isspace():
                continue
            try:
                yield line, decode(text)
            except MalformedJson as error:
                yield line, error

    def _document_values(self) -> Iterator[tuple[int, object]]:
        scanner = JsonScanner(self._read_parts())
        try:
            if scanner.peek() == "[":
                yield from scanner.elements()
            else:
                for line, name in scanner.members():
                    if name == self._member and scanner.peek() == "[":
                        yield from scanner.elements()
                    elif self._member is None:
                        raise _malformed(self._name, line, "it holds no array of objects")
                    else:
                        scanner.value()
            scanner.end()
        except MalformedJson as error:
            raise _malformed(self._name, scanner.line(), str(error)) from error

    def _only_member(self) -> str | None:
        """The name under which an object holds the array of objects; `None` if the text is an array."""
        scanner = JsonScanner(self._read_parts())
        found: list[str] = []
        try:
            if scanner.peek() == "[":
                return None
            for _, name in scanner.members():
                if scanner.peek() != "[":
                    scanner.value()
                # A list, as the scanner must pass all elements to reach the next member.
                elif any([isinstance(value, dict) for _, value in scanner.elements()]):  # noqa: C419
                    found.append(name)
        except MalformedJson as error:
            raise _malformed(self._name, scanner.line(), str(error)) from error
        if len(found) == 1:
            return found[0]
        shown = ", ".join(map(printable, found[:5]))
        raise ConfigError(
            f"{self._name} is a JSON object that holds several arrays of objects ({shown}): save the "
            "one with the sales in a file of its own."
            if found
            else f"{self._name} is a JSON object without an array of objects at its top."
        )


def _malformed(name: str, line: int, problem: str) -> ConfigError:
    return ConfigError(f"{name} is not valid JSON in line {line}: {problem}.")


def flattened(value: dict[str, object]) -> dict[str, Cell]:
    """The fields of an object, `{"a": {"b": 1}}` as `a.b`; an array stays JSON text."""
    fields: dict[str, Cell] = {}
    _flatten(value, "", fields, 0)
    return fields


def _flatten(value: dict[str, object], prefix: str, fields: dict[str, Cell], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise _UnusableValue(f"is nested more than {_MAX_DEPTH} times")
    for key, item in value.items():
        name = prefix + key
        if isinstance(item, dict) and item:
            _flatten(item, f"{name}.", fields, depth + 1)
        elif name in fields:
            raise _UnusableValue(f"has the field `{printable(name)}` twice")
        else:
            fields[name] = _cell(name, item)


def _cell(name: str, item: object) -> Cell:
    if item is None or isinstance(item, (bool, int, Decimal)):
        return item
    if isinstance(item, str):
        if not item.isascii() and any("\ud800" <= char <= "\udfff" for char in item):
            raise _UnusableValue(f"has half a character in `{printable(name)}`")
        return item
    if isinstance(item, (list, dict)):
        return _encoder.encode(item) if item else None
    raise _UnusableValue(f"has in `{printable(name)}` {item}")
