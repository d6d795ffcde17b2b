"""Rows that are no sales by their form: sums and repeated headings."""

from __future__ import annotations

from collections.abc import Iterable

from coffeert.importer.cell_text import cell_text, folded, heading_words, is_missing
from coffeert.importer.rows import Cell
from coffeert.importer.vocabulary import words


def is_total_label(text: str) -> bool:
    """Return whether a text is nothing but a word for a sum."""
    return len(text) < 40 and folded(text).rstrip(":. ") in words("cells", "totals")


def has_total_label(cells: Iterable[Cell]) -> bool:
    """Return whether a row without a day has a label such as `Total` or `Total Uptown`."""
    for cell in cells:
        if not isinstance(cell, str) or not (text := folded(cell)):
            continue
        first = text.split(":")[0].split(" ")
        if is_total_label(text) or any(
            " ".join(first[:n]) in words("cells", "totals") for n in (1, 2)
        ):
            return True
        if first[-1] in words("cells", "totals"):
            return True
    return False


def is_heading(cells: Iterable[Cell], columns: Iterable[str]) -> bool:
    """Return whether a row repeats the headings."""
    pairs = [(c, h) for c, h in zip(cells, columns, strict=False) if isinstance(c, str) and c]
    same = sum(heading_words(cell) == heading_words(heading) for cell, heading in pairs)
    return bool(pairs) and 2 * same > len(pairs)


def is_mostly_empty(cells: tuple[Cell, ...]) -> bool:
    """Return whether less than half of a row is filled, as in rows of sums."""
    return 2 * sum(not is_missing(cell_text(cell)) for cell in cells) < len(cells)
