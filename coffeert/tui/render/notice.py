"""The notice that fills the screen before the first data."""

from __future__ import annotations

from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.render.badges import reason_text
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import EMPTY, Line, Span, line, line_width


def notice_lines(data_status: DataStatus, url: str, cells: int, glyphs: Glyphs) -> list[Line]:
    """Return why there is nothing to show, and what to type."""
    reason = reason_text(data_status)
    if not reason:
        return _centred(
            [line(Span("Waiting for the first picture", "title")), line(Span(url, "dim"))], cells
        )
    text = [line(Span(url, "strong")), line(Span(reason, "dim")), EMPTY]
    if "token" in reason:
        text.insert(0, line(Span("The server wants a token", "title")))
        text += [
            line("Quit, and start again with the server's token:"),
            line(Span("export COFFEERT_TOKEN=...", "key")),
        ]
    elif "proxy" in reason:
        text.insert(0, line(Span("No WebSocket", "title")))
        text += [
            line("The proxy has to pass on, by HTTP/1.1, for /ws/dashboard:"),
            line(Span("Upgrade", "key"), Span(" and ", "dim"), Span("Connection", "key")),
        ]
    elif "certificate" in reason:
        text.insert(0, line(Span("The certificate does not verify", "title")))
        text += [
            line("If a private CA has signed it, start again with that CA's certificate:"),
            line(Span("export COFFEERT_CA_FILE=...", "key")),
        ]
    else:
        text.insert(0, line(Span("No server yet", "title")))
        text += [
            line("In another shell, type one of:"),
            line(Span("coffeert demo", "key"), Span("    everything, with live orders", "dim")),
            line(Span("coffeert serve", "key"), Span("   the server alone", "dim")),
        ]
    wait = _retry_text(data_status, glyphs)
    text += [
        EMPTY,
        line(f"{wait}  ", Span("r", "key"), Span(" now", "dim")),
        line(Span("?", "key"), Span(" help  ", "dim"), Span("q", "key"), Span(" quit", "dim")),
    ]
    return _centred(text, cells)


def _retry_text(data_status: DataStatus, glyphs: Glyphs) -> str:
    if data_status.connecting:
        return "Trying now" + glyphs.ellipsis
    if data_status.retry_in is None:
        return "Not trying again by itself."
    return f"Trying again in {data_status.retry_in:.0f} s."


def _centred(block: list[Line], cells: int) -> list[Line]:
    wide = max(line_width(row) for row in block)
    left = Span(" " * max(1, (cells - wide) // 2))
    return [(left, *row) for row in block]
