"""Badges: what the header and the frames of the panels say about the data's status."""

from __future__ import annotations

from coffeert.printable import printable
from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.render.format import ago
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, line


def reason_text(data_status: DataStatus) -> str:
    """Return why there is no connection as a sentence; the feed gives phrases such as `does not answer`."""
    reason = printable(data_status.reason, 120)
    if not reason or not reason[0].islower():
        return reason
    return f"The server {reason}" if reason.endswith("?") else f"The server {reason}."


def trouble_texts(data_status: DataStatus) -> tuple[str, ...]:
    """Return what is wrong with the server's parts, causes first."""
    return tuple(
        f"{trouble.part}: {printable(trouble.reason, 80).rstrip('.')}"
        for trouble in data_status.troubles
    )


def state_badge(data_status: DataStatus, glyphs: Glyphs) -> Line:
    """Say in one badge whether the screen is live."""
    age = "" if data_status.age is None else f" {ago(data_status.age)}"
    match data_status.status:
        case "live":
            role: Role = "badge-warn" if data_status.troubles else "badge-good"
            return line(Span(f"{glyphs.dot} LIVE{age}", role))
        case "stale":
            return line(Span(f"{glyphs.ring} STALE{age}", "badge-bad"))
        case "rewind":
            return line(Span(f"{glyphs.ring} REWIND{age} ago", "badge-warn"))
        case "replay":
            over = " over" if data_status.reason else ""
            return line(Span(f"{glyphs.dot} REPLAY{over}", "badge-warn"))
        case "lost":
            return line(Span(f"{glyphs.cross} {_link_text(data_status)}", "badge-bad"))
        case "starting":
            return line(Span(f"{glyphs.ring} {_link_text(data_status)}", "badge-warn"))


def _link_text(data_status: DataStatus) -> str:
    if data_status.connecting or (data_status.retry_in is None and not data_status.reason):
        return "CONNECTING" if data_status.attempt <= 1 else f"CONNECTING #{data_status.attempt}"
    if data_status.retry_in is None:
        return "OFFLINE r: retry"
    return f"OFFLINE retry {data_status.retry_in:.0f}s"


def sequence_badge(data_status: DataStatus, glyphs: Glyphs) -> Line:
    """Say whether versions arrived without a gap."""
    if data_status.gaps:
        return line(
            Span(f"seq {data_status.gaps} gap{'s' if data_status.gaps > 1 else ''}", "warn")
        )
    return line(Span("seq ", "dim"), Span(glyphs.check, "good"))


def totals_badge(data_status: DataStatus, glyphs: Glyphs) -> Line:
    """Say whether this screen's sums equal the server's."""
    match data_status.totals_match:
        case "equal":
            return line(Span("= server ", "dim"), Span(glyphs.check, "good"))
        case "differs":
            return line(Span(f"{glyphs.cross} NOT = server", "badge-bad"))
        case "unknown":
            return line(Span("= server ?", "dim"))


def age_note(data_status: DataStatus) -> Line:
    """Say in a panel's frame how old its data is, if it is old enough to matter."""
    shown = data_status.status not in ("rewind", "replay")
    if data_status.age is None or data_status.age < data_status.stale_after or not shown:
        return ()
    return line(Span(f"{ago(data_status.age)} old", "warn"))
