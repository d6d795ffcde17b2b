"""Rows that are no sales by their form: sums and repeated headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from coffeert.importer.rows import Cell
from coffeert.importer.spelling.cell_text import heading_words, in_brackets
from coffeert.importer.spelling.vocabulary import field_headings, has_stem, plain, words

_WORD: Final = re.compile(r"[^\W\d_]+")
_DIGIT: Final = re.compile(r"[0-9]")


def is_total_label(text: str) -> bool:
    """Return whether a text is nothing but a word for a sum."""
    return len(text) < 40 and plain(text).rstrip(":. ") in words("cells", "totals")


def is_doubtful(text: str) -> bool:
    """Return whether something that was sold is called like a sum, a tip, or a void."""
    name = heading_words(text) if len(text) < 80 else ""
    return (
        name in words("cells", "doubtful")
        or not words("cells", "doubtful_words").isdisjoint(_WORD.findall(plain(text)))
        or hints_at_void(text)
    )


def hints_at_void(text: str) -> bool:
    """Return whether a word of a text hints at a void or a refund, as in `Factura B anulada`."""
    return len(text) < 80 and has_stem(text, "statuses", "hints")


def has_total_label(cells: Iterable[Cell]) -> bool:
    """Return whether a row without a day has a label such as `Total`, `Total: 12` or `Total Uptown`."""
    for cell in cells:
        if not isinstance(cell, str) or not (text := plain(cell)):
            continue
        before, colon, _ = text.partition(":")
        first = before.split(" ")
        if is_total_label(text) or (colon and is_total_label(before)):
            return True
        beginnings = {" ".join(first[:n]) for n in (1, 2)} if len(text) < 40 else set()
        if (beginnings | {first[-1]}) & words("cells", "totals_of"):
            return True
    return False


def is_heading(cells: Iterable[Cell], columns: Iterable[str]) -> bool:
    """Return whether a row repeats the headings."""
    pairs = [(c, h) for c, h in zip(cells, columns, strict=False) if isinstance(c, str) and c]
    same = sum(heading_words(cell) == heading_words(heading) for cell, heading in pairs)
    return bool(pairs) and 2 * same > len(pairs)


def is_other_heading(cells: Sequence[Cell], columns: Sequence[str]) -> bool:
    """Return whether a row names columns, and others than the table has: those of another export."""
    texts = [cell for cell in cells if cell is not None and cell != ""]
    if 2 * len(texts) < len(columns) or len(texts) < 2:
        return False
    names = [_name(cell) for cell in texts if isinstance(cell, str) and not _DIGIT.search(cell)]
    own = set(map(_name, columns))
    known = sum(name in own or name[0] in _known_headings() for name in names)
    return 2 * known > len(texts) and bool(differing_headings(cells, columns))


def differing_headings(cells: Sequence[Cell], columns: Sequence[str]) -> list[tuple[str, str]]:
    """Return the names that stand in place of others, and those others."""
    return [
        (str(cell).strip(), column)
        for cell, column in zip(cells, columns, strict=False)
        if cell is not None and str(cell).strip() and _name(str(cell)) != _name(column)
    ]


def _name(heading: str) -> tuple[str, ...]:
    """Return the words of a heading, without the number that tells it from an equal one."""
    return heading_words(heading), *(b for b in in_brackets(heading) if not b.isdecimal())


@cache
def _known_headings() -> frozenset[str]:
    return frozenset(heading for headings in field_headings().values() for heading in headings)
