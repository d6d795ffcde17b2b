"""Text from elsewhere, made safe to print on a terminal."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

MAX_COMBINING_MARKS: Final = 2
"""Combining marks kept on one character: every language needs fewer, stacked ones cover other lines."""

_VARIATION_SELECTORS: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
_TAGS_AND_SELECTORS: Final = range(0xE0000, 0xE0200)


@lru_cache(maxsize=4096)
def printable(text: str, limit: int = 200) -> str:
    """Drop what a terminal could obey or misplace, and cut to `limit` characters.

    Removed are C0 and C1 controls and with them escape sequences, bidi and other format characters,
    surrogates, private and unassigned code points, variation selectors, and stacked combining marks. Tabs
    and line ends become spaces. A terminal draws what is left as wide as `rich.cells.cell_len` says.
    """
    kept: list[str] = []
    marks = MAX_COMBINING_MARKS  # a mark at the very beginning has no character to combine with
    for char in unicodedata.normalize("NFC", text[: limit * 4]):
        if char in "\t\n\r":
            char = " "
        if not char.isprintable() and char != " ":
            continue
        if char in _VARIATION_SELECTORS or ord(char) in _TAGS_AND_SELECTORS:
            continue
        if unicodedata.category(char).startswith("M"):
            if marks >= MAX_COMBINING_MARKS:
                continue
            marks += 1
        else:
            marks = 0
        kept.append(char)
        if len(kept) >= limit:
            break
    return "".join(kept)
