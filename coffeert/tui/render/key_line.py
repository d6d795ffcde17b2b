"""The keys of the moment, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Span, drop_to_fit, fit_line, line

_GAP = 3


class KeyHint(NamedTuple):
    """A key and what it does; `action` is run by a click. Of the highest `rank` is left out first."""

    key: str
    text: str
    action: str = ""
    rank: int = 0


def draw_keys(hints: Sequence[KeyHint], cells: int, glyphs: Glyphs) -> Line:
    """Draw as many hints as fit, each of them whole."""
    pieces = [(hint.rank, _piece(hint, glyphs)) for hint in hints]
    return fit_line((Span(" "), *drop_to_fit(pieces, cells - 2, _GAP)), cells)


def hint_at(column: int, hints: Sequence[KeyHint], cells: int, glyphs: Glyphs) -> KeyHint | None:
    """Return the hint drawn at a column."""
    text = "".join(span.text for span in draw_keys(hints, cells, glyphs))
    start = 0
    for hint in hints:
        piece = "".join(span.text for span in _piece(hint, glyphs))
        at = text.find(piece, start)
        if at >= 0:
            if at <= column < at + len(piece):
                return hint
            start = at + len(piece)
    return None


def _piece(hint: KeyHint, glyphs: Glyphs) -> Line:
    key = hint.key
    if glyphs.name == "ascii":
        key = key.replace("← →", "<- ->").replace("↑↓", "up/down")
    return line(Span(key, "key"), Span(f" {hint.text}", "dim"))
