"""The name of what a row sells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from coffeert.importer.meaning.memory import remember
from coffeert.importer.meaning.row_kinds import is_total_label
from coffeert.importer.rows import Cell
from coffeert.importer.spelling.cell_text import Fault, cell_text, folded, is_missing

MAX_NAME_LENGTH: Final = 255
"""Of a name in a file; the menu shortens it."""
NO_DRINK: Final = Fault("has no drink")
_COUNTED = re.compile(r"[0-9]{1,4}\s?(?:[x*]\s|×).*|.*[\s(][x×*]\s?[0-9]{1,4}\)?", re.IGNORECASE)
_BETWEEN = re.compile(r"\s?[,;+|\n]\s?")


@dataclass(slots=True, kw_only=True)
class DrinkReader:
    """Joins the name of a drink and of its variant: `Iced Latte - Large`.

    `plain` are variants that say nothing, as `Regular`, in lower case. `void_endings` are what a till
    appends to the names of voided items. `counted`: the row's number of pieces is not in the name.
    """

    drink: int
    heading: str = "drink"
    variants: Sequence[int] = ()
    plain: frozenset[str] = frozenset()
    void_endings: tuple[str, ...] = ()
    no_goods: frozenset[str] = frozenset()
    counted: bool = True
    _read: dict[Cell, str | Fault] = field(default_factory=dict)
    _joined: dict[tuple[Cell, ...], str | Fault] = field(default_factory=dict)

    def read(self, cells: tuple[Cell, ...]) -> str | Fault:
        """Return the name, or why there is none; a `Fault` with `no_sale` is no fault of the row."""
        cell = cells[self.drink]
        if self.variants:
            key = (cell, *(cells[index] for index in self.variants))
            joined = self._joined.get(key)
            if joined is None:
                joined = self._name(*map(cell_text, key))
                remember(self._joined, key, joined)
            return joined
        name = self._read.get(cell)
        if name is None:
            name = self._name(cell_text(cell))
            remember(self._read, cell, name)
        return name

    def _name(self, drink: str, *variants: str) -> str | Fault:
        if is_missing(drink):
            return NO_DRINK
        if is_total_label(drink):
            return Fault("the row holds sums", no_sale=True)
        if folded(drink) in self.no_goods:
            return Fault(f"{drink!r} is no goods", no_sale=True)
        if drink.endswith(self.void_endings) and self.void_endings:
            return Fault(f"the item is {drink!r}", no_sale=True)
        if self._has_several(drink):
            return Fault(
                f"`{self.heading}` names several items, whose own prices are not in the file"
            )
        parts = [drink]
        parts += [
            text for text in variants if not is_missing(text) and folded(text) not in self.plain
        ]
        name = " - ".join(dict.fromkeys(parts))
        if len(name) > MAX_NAME_LENGTH:
            return Fault(f"has a drink whose name is longer than {MAX_NAME_LENGTH} characters")
        return name

    def _has_several(self, name: str) -> bool:
        parts = _BETWEEN.split(name)
        counted = sum(bool(_COUNTED.fullmatch(part)) for part in parts)
        return counted > 1 or (not self.counted and counted == 1)
