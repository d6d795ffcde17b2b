"""What the screen says before there is anything to show."""

from __future__ import annotations

from coffeert.tui.glyphs import Glyphs
from coffeert.tui.lines import Line, Span, line, line_width
from coffeert.tui.present.truth import Truth


def notice_lines(truth: Truth, url: str, cells: int, glyphs: Glyphs) -> list[Line]:
    """Say why nothing shows, and what to type."""
    if not truth.reason:
        return _centred(
            [line(Span("Waiting for the first picture", "title")), line(Span(url, "dim"))], cells
        )
    if truth.connecting:
        wait = "Trying now" + glyphs.ellipsis
    elif truth.retry_in is None:
        wait = "Not trying again by itself."
    else:
        wait = f"Trying again in {truth.retry_in:.0f} s."
    text = [
        line(Span("No server yet", "title")),
        line(Span(url, "strong")),
        line(Span(truth.reason, "dim")),
        line(""),
        line(Span("In another shell, type one of:", "text")),
        line(Span("coffeert demo", "key"), Span("    everything, with live orders", "dim")),
        line(Span("coffeert serve", "key"), Span("   the server alone", "dim")),
        line(""),
        line(Span(f"{wait}  ", "text"), Span("r", "key"), Span(" now", "dim")),
        line(Span("?", "key"), Span(" help  ", "dim"), Span("q", "key"), Span(" quit", "dim")),
    ]
    return _centred(text, cells)


def _centred(block: list[Line], cells: int) -> list[Line]:
    wide = max(line_width(row) for row in block)
    left = Span(" " * max(1, (cells - wide) // 2))
    return [(left, *row) for row in block]
