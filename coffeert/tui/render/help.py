"""The text of the help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from coffeert.tui.render.spans import EMPTY, Line, Span, line

_TOPICS: Final[dict[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    "orders": (
        "Recent orders (here)",
        (
            ("up down j k", "choose an order; on the top row the list follows"),
            ("pgup pgdn g G", "a page, the newest, the oldest at hand"),
            ("enter", "all of the order"),
            ("space", "stop the list while data goes on, or follow again"),
            ("y", "copy the order as JSON"),
        ),
    ),
    "breakdown": (
        "Breakdown (here)",
        (
            ("up down j k", "choose a store or a drink"),
            ("enter", "go into it: every panel shows only that"),
            ("backspace", "come out again"),
        ),
    ),
    "chart": ("Chart (here)", (("left right h l", "crosshair with exact values"),)),
}

_SIGNS: Final = (
    ("LIVE 0.2s", "data on the screen is 0.2 s old"),
    ("STALE / OFFLINE", "no news: figures stand still, with their age"),
    ("? not heard of", "nobody knows how that part of the server is"),
    ("seq ok", "no update was missed; else the number of gaps"),
    ("= server", "this screen's sums equal the server's"),
    ("vs prev 15m", "against the equal window before, at the same phase"),
    ("/ / /", "hatched: nobody knows what was then; not a zero"),
    ("ring at the end", "the running bucket: a part so far"),
)

_FILTER: Final = (
    ("store:uptown", "stores with this in their code; a,b for either"),
    ("drink:latte", "the same for drinks"),
    ("price>5", "price of a piece, in the list: < <= > >= ="),
    ("-tea", "everything but; a plain word looks into both codes"),
)


def help_lines(topic: str, keys: Sequence[tuple[str, str]]) -> list[Line]:
    """Return the help; `topic` is the panel that has the focus, `keys` are keys and what they do."""
    lines: list[Line] = []
    if topic in _TOPICS:
        title, rows = _TOPICS[topic]
        lines += _section(title, rows)
    lines += _section("Keys", keys)
    lines += _section("Filter", _FILTER)
    lines += _section("Signs", _SIGNS)
    lines.append(
        line(Span("tab", "key"), Span(" goes from panel to panel; the mouse works, too.", "dim"))
    )
    return lines


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[Line]:
    lines = [line(Span(title, "title"))]
    lines += [line(Span(f"  {key:<16}", "key"), Span(f" {text}", "text")) for key, text in rows]
    return [*lines, EMPTY]
