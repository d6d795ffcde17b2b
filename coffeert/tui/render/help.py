"""The text of the help, in one column or two."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import EMPTY, Line, Span, fit_line, line
from coffeert.tui.render.text import width

Rows = Sequence[tuple[str, str]]

_ORDERS: Final = (
    ("up down j k", "choose an order; away from the first one the list is held"),
    ("space g home", "return to the newest order, and follow"),
    ("pgup pgdn G", "a page up or down; the last order"),
    ("enter", "show all of the order"),
    ("y", "copy the order as JSON"),
)
_BREAKDOWN: Final = (
    ("up down j k", "choose a store or a drink"),
    ("enter", "open it: every panel shows only that"),
    ("backspace", "come out again"),
)
_CHART: Final = (("left right h l", "move a line through the chart that gives exact values"),)
_TOPICS: Final[dict[str, tuple[str, Rows]]] = {
    "orders": ("The orders (here)", _ORDERS),
    "stores": ("The stores (here)", _BREAKDOWN),
    "drinks": ("The drinks (here)", _BREAKDOWN),
    "chart": ("The chart (here)", _CHART),
}

_FILTER: Final = (
    ("store:uptown", "stores with this in their code; a,b for either, =a for exactly that"),
    ("drink:latte", "the same for drinks"),
    ("price>5", "price of a piece, in the list: < <= > >= ="),
    ("-tea", "everything but; a plain word looks for stores and drinks"),
    ("tab", "take the suggestion; the arrows choose another"),
)

_TWO_COLUMNS: Final = 100
_GAP: Final = 3
_KEY_CELLS: Final = 15


def _signs(glyphs: Glyphs) -> Rows:
    return (
        (f"{glyphs.dot} live", "what is shown is from this moment"),
        (f"{glyphs.ring} no news for", "figures stand still, and say how old they are"),
        (f"{glyphs.cross} offline", "there is no connection; it is tried again by itself"),
        (
            f"figures {glyphs.check}",
            "this screen's sums equal the server's; - while that is unknown",
        ),
        (glyphs.hatch * 3, "nobody knows what was then; not a zero"),
        (glyphs.ring, "in a chart: what the running column comes to at the present pace"),
        (glyphs.flat, "unchanged"),
    )


def help_lines(topic: str, keys: Rows, cells: int, glyphs: Glyphs) -> list[Line]:
    """Return the help; `topic` is the panel that has the focus, `keys` are keys and what they do."""
    two = cells >= _TWO_COLUMNS
    column = (cells - _GAP) // 2 if two else cells
    sections = [("Everywhere", keys)]
    if topic in _TOPICS:
        sections.insert(0, _TOPICS[topic])
    others = [("Filter", _FILTER), ("Signs", _signs(glyphs))]
    left = [row for title, rows in sections for row in _section(title, rows, column)]
    right = [row for title, rows in others for row in _section(title, rows, column)]
    if not two:
        return left + right
    whole = left + right
    middle = _break_near(whole, (len(whole) + 1) // 2)
    left, right = whole[:middle], whole[middle:]
    return [
        (
            *fit_line(left[n] if n < len(left) else EMPTY, column + _GAP),
            *(right[n : n + 1] or [EMPTY])[0],
        )
        for n in range(max(len(left), len(right)))
    ]


def _break_near(lines: Sequence[Line], middle: int) -> int:
    """Return where to begin the second column: not inside an entry that is wrapped."""
    while middle < len(lines) and lines[middle] and lines[middle][0].role != "key":
        if lines[middle][0].role == "title":
            break
        middle += 1
    return middle


def _section(title: str, rows: Rows, cells: int) -> list[Line]:
    lines = [line(Span(title, "title"))]
    room = max(10, cells - _KEY_CELLS - 1)
    for key, text in rows:
        pad = " " * max(0, _KEY_CELLS - width(key))
        first, *more = wrap(text, room) or [""]
        lines.append(line(Span(f"{key}{pad}", "key"), Span(f" {first}", "text")))
        lines += [line(Span(" " * (_KEY_CELLS + 1)), Span(rest, "text")) for rest in more]
    return [*lines, EMPTY]
