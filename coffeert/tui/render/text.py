"""Text that came over the network, made safe for a terminal and measured in cells."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal

from rich.cells import cell_len, set_cell_size

Align = Literal["left", "right", "center"]

ELLIPSIS: Final = "…"

_MARKS_MAX = 2  # combining marks on one character: enough for every language, too few for a prank
_VARIATION = frozenset(map(chr, range(0xFE00, 0xFE10)))
_TAGS = range(0xE0000, 0xE0200)
_drawn = re.compile("[ -~·…←-↓✓✗─-◼⠀-⣿]*").fullmatch  # one cell each


@lru_cache(maxsize=4096)
def clean(text: str, limit: int = 200) -> str:
    """Drop everything a terminal could obey or misplace, and cut to `limit` characters.

    Gone are C0 and C1 controls, escape sequences with them, bidi and other format characters,
    surrogates, private and unassigned code points, variation selectors, and stacked combining marks.
    What is left has the width that `width` says.
    """
    kept: list[str] = []
    marks = _MARKS_MAX  # so that a leading mark has nothing to sit on, and goes
    for char in unicodedata.normalize("NFC", text[: limit * 4]):
        if char in "\t\n\r":
            char = " "
        if not char.isprintable() and char != " ":
            continue
        if char in _VARIATION or ord(char) in _TAGS:
            continue
        if unicodedata.category(char).startswith("M"):
            if marks >= _MARKS_MAX:
                continue
            marks += 1
        else:
            marks = 0
        kept.append(char)
        if len(kept) >= limit:
            break
    return "".join(kept)


def width(text: str) -> int:
    """Count the cells that a clean text takes."""
    # Figures and curves change all the time: what needs no looking up must not fill a cache either.
    return len(text) if _drawn(text) else cell_len(text)


def crop(text: str, cells: int, ellipsis: str = ELLIPSIS) -> str:
    """Cut a clean text to at most `cells` cells, ending in an ellipsis where something was cut."""
    if cells <= 0:
        return ""
    if width(text) <= cells:
        return text
    if cells <= len(ellipsis):
        return set_cell_size(text, cells)
    return set_cell_size(text, cells - len(ellipsis)).rstrip() + ellipsis


def fit(text: str, cells: int, align: Align = "left", ellipsis: str = ELLIPSIS) -> str:
    """Cut or pad a clean text to exactly `cells` cells."""
    cut = crop(text, cells, ellipsis)
    missing = max(0, cells - width(cut))
    if align == "left":
        return cut + " " * missing
    if align == "right":
        return " " * missing + cut
    left = missing // 2
    return " " * left + cut + " " * (missing - left)
