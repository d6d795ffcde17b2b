"""Badges: what the header and the frames of the panels say about the data's status."""

from __future__ import annotations

from typing import Final

from coffeert.printable import printable
from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.render.format import ago
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, line

_PARTS: Final = {
    "database": "Database",
    "redis": "Redis",
    "aggregator": "Counting",
    "intake": "Taking orders",
    "durability": "Storing safely",
    "websocket": "Screens",
}


def reason_text(data_status: DataStatus) -> str:
    """Return why there is no connection as a sentence; the feed gives phrases such as `does not answer`."""
    reason = printable(data_status.reason, 120)
    if not reason or not reason[0].islower():
        return reason
    return f"The server {reason}" if reason.endswith("?") else f"The server {reason}."


def trouble_texts(data_status: DataStatus) -> tuple[str, ...]:
    """Return what is wrong with the server's parts, causes first."""
    return tuple(
        f"{_PARTS.get(trouble.part, trouble.part)}: {printable(trouble.reason, 120).rstrip('.')}"
        for trouble in data_status.troubles
    )


def long_age(seconds: float) -> str:
    """Write an age as one says it: `14 s`, `3 min`, `2 h`, `4 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 129_600 else f"{seconds / 86_400:.0f} days"


def state_badge(data_status: DataStatus, glyphs: Glyphs) -> Line:
    """Say in one badge whether the screen is live."""
    age = 0.0 if data_status.age is None else data_status.age
    match data_status.status:
        case "live":
            role: Role = "badge-warn" if data_status.troubles else "badge-good"
            return line(Span(f"{glyphs.dot} live", role))
        case "stale":
            return line(Span(f"{glyphs.ring} no news for {long_age(age)}", "badge-bad"))
        case "rewind":
            return line(Span(f"{glyphs.ring} {long_age(age)} ago", "badge-warn"))
        case "replay":
            over = " over" if data_status.reason else ""
            return line(Span(f"{glyphs.dot} replay{over}", "badge-warn"))
        case "lost":
            text = "connecting" if data_status.connecting else "offline"
            return line(Span(f"{glyphs.cross} {text}", "badge-bad"))
        case "starting":
            waiting = data_status.connecting or not data_status.reason
            text = "connecting" if waiting else "offline"
            return line(Span(f"{glyphs.ring} {text}", "badge-warn"))


def missed_badge(data_status: DataStatus) -> Line:
    """Say how many updates were missed, if any; a whole view has repaired each."""
    if not data_status.gaps:
        return ()
    updates = "update" if data_status.gaps == 1 else "updates"
    return line(Span(f"{data_status.gaps} {updates} missed, repaired", "warn"))


def totals_badge(data_status: DataStatus, glyphs: Glyphs) -> Line:
    """Say whether this screen's sums equal the server's, which is unknown while there is no news."""
    if data_status.totals_match == "differs":
        return line(Span(f"{glyphs.cross} figures differ from the server's", "badge-bad"))
    if data_status.totals_match == "unknown" or data_status.old:
        return line(Span("figures -", "dim"))
    return line(Span("figures checked ", "dim"), Span(glyphs.check, "good"))


def age_note(data_status: DataStatus) -> Line:
    """Say in a panel's frame how old its data is, if it is old enough to matter."""
    shown = data_status.status not in ("rewind", "replay")
    if data_status.age is None or data_status.age < data_status.stale_after or not shown:
        return ()
    return line(Span(f"{ago(data_status.age)} old", "warn"))
