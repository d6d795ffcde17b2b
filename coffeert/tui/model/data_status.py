"""The truth about what is on the screen: is it live, how old is it, does it add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from coffeert.tui.model.session import Agreement, Session
from coffeert.tui.render.format import ago
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, line
from coffeert.tui.render.text import clean, crop

Mood = Literal["starting", "live", "stale", "lost", "rewind", "replay"]

STALE_AFTER: Final = 2.0
"""Seconds: two passes of the aggregator at its default interval; where that is longer, two of those."""

SILENT_AFTER: Final = 2.0
"""Seconds without a frame before the header says so: two heartbeats, where those are no slower."""


@dataclass(frozen=True, slots=True)
class DataStatus:
    """How far the screen can be trusted; ages in seconds."""

    mood: Mood
    age: float | None = None
    silence: float | None = None
    attempt: int = 0
    retry_in: float | None = None
    reason: str = ""
    gaps: int = 0
    agreement: Agreement = "unknown"
    ever_up: bool = False
    connecting: bool = False
    troubles: tuple[str, ...] = ()
    stale_after: float = STALE_AFTER

    @property
    def old(self) -> bool:
        """Whether panels are to be dimmed."""
        return self.mood in ("stale", "lost")


def data_status_of(session: Session) -> DataStatus:
    """Judge a session as it is now."""
    link = session.link
    age = session.age()
    silence = session.silence()
    retry_in = (
        None if link.retry_at is None else max(0.0, link.retry_at - session.clock.monotonic())
    )
    return DataStatus(
        mood=_mood(session, age, silence),
        age=None if age is None else round(age, 1),
        silence=None if silence is None else round(silence, 1),
        attempt=link.attempt,
        retry_in=None if retry_in is None else float(-(-retry_in // 1)),
        reason=_sentence(clean(link.reason, 120)),
        gaps=session.gaps,
        agreement=session.agreement(),
        ever_up=link.ever_up,
        connecting=link.state == "connecting",
        troubles=_troubles(session),
        stale_after=stale_after(session),
    )


def stale_after(session: Session) -> float:
    """Return the age, in seconds, from which data is old: a pass must have failed to come."""
    interval = 0.0 if session.health is None else session.health.aggregator.interval_s
    return max(STALE_AFTER, 2 * interval)


def silent_after(session: Session) -> float:
    """Return the silence, in seconds, that is no longer the pause between two heartbeats."""
    beat = 0.0 if session.hello is None else session.hello.heartbeat
    return max(SILENT_AFTER, 2 * beat)


def _sentence(reason: str) -> str:
    """Complete the feed's phrase, such as `does not answer`."""
    return f"The server {reason}." if reason and reason[0].islower() else reason


def _mood(session: Session, age: float | None, silence: float | None) -> Mood:
    if session.link.state != "up":
        return "lost" if session.link.ever_up else "starting"
    if age is None:
        return "starting"
    if age > stale_after(session) or (silence is not None and silence > silent_after(session)):
        return "stale"
    return "live"


def _troubles(session: Session) -> tuple[str, ...]:
    health = session.health
    if health is None:
        return ()
    # Causes first: without a database no pass is made.
    parts = {
        "database": health.database,
        "redis": health.redis,
        "aggregator": health.aggregator,
        "intake": health.intake,
        "websocket": health.sockets,
    }
    return tuple(
        f"{name}: {clean(part.reason or 'not well', 80).rstrip('.')}"
        for name, part in parts.items()
        if not part.ok
    )


def state_badge(truth: DataStatus, glyphs: Glyphs) -> Line:
    """Say in one badge whether the picture is live."""
    age = "" if truth.age is None else f" {ago(truth.age)}"
    match truth.mood:
        case "live":
            role: Role = "badge-warn" if truth.troubles else "badge-good"
            return line(Span(f"{glyphs.dot} LIVE{age}", role))
        case "stale":
            return line(Span(f"{glyphs.ring} STALE{age}", "badge-bad"))
        case "rewind":
            return line(Span(f"{glyphs.ring} REWIND{age} ago", "badge-warn"))
        case "replay":
            over = " over" if truth.reason else ""
            return line(Span(f"{glyphs.dot} REPLAY{over}", "badge-warn"))
        case "lost":
            return line(Span(f"{glyphs.cross} {_link_text(truth)}", "badge-bad"))
        case "starting":
            return line(Span(f"{glyphs.ring} {_link_text(truth)}", "badge-warn"))


def _link_text(truth: DataStatus) -> str:
    if truth.connecting or (truth.retry_in is None and not truth.reason):
        return "CONNECTING" if truth.attempt <= 1 else f"CONNECTING #{truth.attempt}"
    if truth.retry_in is None:
        return "OFFLINE r: retry"
    return f"OFFLINE retry {truth.retry_in:.0f}s"


def sequence_badge(truth: DataStatus, glyphs: Glyphs) -> Line:
    """Say whether versions came without a gap."""
    if truth.gaps:
        return line(Span(f"seq {truth.gaps} gap{'s' if truth.gaps > 1 else ''}", "warn"))
    return line(Span("seq ", "dim"), Span(glyphs.check, "good"))


def agreement_badge(truth: DataStatus, glyphs: Glyphs) -> Line:
    """Say whether this screen's sums equal the server's."""
    match truth.agreement:
        case "equal":
            return line(Span("= server ", "dim"), Span(glyphs.check, "good"))
        case "differs":
            return line(Span(f"{glyphs.cross} NOT = server", "badge-bad"))
        case "unknown":
            return line(Span("= server ?", "dim"))


def panel_age(truth: DataStatus) -> Line:
    """Say in a panel's frame how old it is, once that is worth saying."""
    if truth.age is None or truth.age < truth.stale_after or truth.mood in ("rewind", "replay"):
        return ()
    return line(Span(f"{ago(truth.age)} old", "warn"))


def trouble_line(truth: DataStatus, cells: int) -> str:
    """Join what is wrong with the server's parts."""
    return crop("; ".join(truth.troubles), cells)
