"""What openpyxl does not say of a sheet that it streams: formulas without values, what is hidden."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import IO, Final

from coffeert.errors import ConfigError
from coffeert.printable import printable

_CHUNK: Final = 1 << 20
_CONTEXT: Final = 1 << 16
_MAX_ROWS: Final = 1 << 20
_MAX_COLUMNS: Final = 1 << 14
_VALUELESS_FORMULA = re.compile(
    rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f(?: [^<>]*)?/>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*"
    rb"</(?:\w+:)?c>"
)
_CELL = re.compile(rb'<(?:\w+:)?c [^<>]*?\br="(\w+)"')
_HIDDEN = re.compile(
    rb"""<(?:\w+:)?(?P<tag>row|col)\s(?=[^<>]*\bhidden=["'](?:1|true)["'])(?P<attributes>[^<>]*)"""
)
_NUMBERS = re.compile(rb"""\b(r|min|max)=["']([0-9]{1,7})["']""")


@dataclass(slots=True)
class HiddenParts:
    """The rows of a sheet, from 1, that are hidden, each with a flag, and the columns, from 0."""

    rows: bytearray = field(default_factory=bytearray)
    columns: set[int] = field(default_factory=set)

    def filled(self, lines: list[int]) -> array[int]:
        """Return those of these rows that are hidden."""
        flags = self.rows
        return array("I", (line for line in lines if line < len(flags) and flags[line]))

    def add(self, tag: bytes, attributes: bytes) -> None:
        """Note the attributes of an element that is hidden."""
        numbers = {name: int(value) for name, value in _NUMBERS.findall(attributes)}
        if tag == b"row":
            number = numbers.get(b"r", 0)
            if 0 < number <= _MAX_ROWS:
                self.rows = self.rows or bytearray(_MAX_ROWS + 1)
                self.rows[number] = 1
        elif b"min" in numbers and b"max" in numbers:
            self.columns.update(range(numbers[b"min"] - 1, min(numbers[b"max"], _MAX_COLUMNS)))


def look_through(name: str, title: str, xml: IO[bytes]) -> HiddenParts:
    """Read a sheet's XML; raises `ConfigError` for a formula without its value.

    A program that cannot compute formulas leaves out their values, and the cells would seem empty.
    """
    hidden = HiddenParts()
    rest = b""
    while chunk := xml.read(_CHUNK):
        chunk = rest + chunk
        found = _VALUELESS_FORMULA.search(chunk)
        if found is not None:
            cells = _CELL.findall(chunk[: found.start()])
            cell = cells[-1].decode() if cells else "a cell"
            raise ConfigError(
                f"{name}: {cell} of sheet {printable(title)} is a formula whose value is not in the file: "
                "open it in a spreadsheet program and save it."
            )
        if b"hidden=" in chunk:
            for match in _HIDDEN.finditer(chunk):
                hidden.add(match["tag"], match["attributes"])
        rest = chunk[-_CONTEXT:]
    return hidden
