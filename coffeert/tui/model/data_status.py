"""How far the data on the screen can be trusted: connected or not, how old, equal to the server's sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from coffeert.tui.model.session import Session, TotalsMatch

Status = Literal["starting", "live", "stale", "lost", "rewind", "replay"]

STALE_AFTER_SECONDS: Final = 2.0
"""Two passes at the aggregator's default interval; with a longer interval, two of those."""

SILENT_AFTER_SECONDS: Final = 2.0
"""Without any message from the server: two heartbeats, unless those are slower."""


class Trouble(NamedTuple):
    """A part of the server that is not well, and the reason that it gives, as it came."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class DataStatus:
    """The status of a session at one moment; ages in seconds. `reason` and `troubles` are not cleaned."""

    status: Status
    age: float | None = None
    attempt: int = 0
    retry_in: float | None = None
    reason: str = ""
    gaps: int = 0
    totals_match: TotalsMatch = "unknown"
    ever_up: bool = False
    connecting: bool = False
    troubles: tuple[Trouble, ...] = ()
    stale_after: float = STALE_AFTER_SECONDS

    @property
    def old(self) -> bool:
        """Whether panels are dimmed."""
        return self.status in ("stale", "lost")


def data_status_of(session: Session) -> DataStatus:
    """Return the status of a session now."""
    link = session.link
    age = session.age()
    retry_in = (
        None if link.retry_at is None else max(0.0, link.retry_at - session.clock.monotonic())
    )
    return DataStatus(
        status=_status(session, age),
        age=None if age is None else round(age, 1),
        attempt=link.attempt,
        retry_in=None if retry_in is None else float(-(-retry_in // 1)),
        reason=link.reason,
        gaps=session.gaps,
        totals_match=session.totals_match(),
        ever_up=link.ever_up,
        connecting=link.state == "connecting",
        troubles=_troubles(session),
        stale_after=stale_after(session),
    )


def stale_after(session: Session) -> float:
    """Return the age in seconds at which data is old because a pass must have failed."""
    interval = 0.0 if session.health is None else session.health.aggregator.interval_s
    return max(STALE_AFTER_SECONDS, 2 * interval)


def silent_after(session: Session) -> float:
    """Return the seconds without a message that are longer than the pause between two heartbeats."""
    heartbeat = 0.0 if session.hello is None else session.hello.heartbeat
    return max(SILENT_AFTER_SECONDS, 2 * heartbeat)


def _status(session: Session, age: float | None) -> Status:
    if session.link.state != "up":
        return "lost" if session.link.ever_up else "starting"
    if age is None:
        return "starting"
    silence = session.seconds_since_last_message()
    if age > stale_after(session) or (silence is not None and silence > silent_after(session)):
        return "stale"
    return "live"


def _troubles(session: Session) -> tuple[Trouble, ...]:
    health = session.health
    if health is None:
        return ()
    # Causes first: without a database there is no pass.
    parts = {
        "database": health.database,
        "redis": health.redis,
        "aggregator": health.aggregator,
        "intake": health.intake,
        "durability": health.durability,
        "websocket": health.sockets,
    }
    return tuple(
        Trouble(name, part.reason or "not well") for name, part in parts.items() if not part.ok
    )
