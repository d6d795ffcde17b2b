"""The past: a session that stands at a moment, made from the server's view of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from coffeert.client.events import Connected, ViewReset
from coffeert.tui.model.session import Session
from coffeert.wire.frames import Snapshot, change_from


@dataclass(slots=True)
class StoppedClock:
    """A clock that stands at a moment, in Unix seconds, until it is moved."""

    moment: float

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return datetime.fromtimestamp(self.moment, UTC)

    def monotonic(self) -> float:
        """Return the moment in seconds."""
        return self.moment


def past_session(snapshot: Snapshot, live: Session, moment: datetime) -> Session:
    """Return a session with the view of a past moment; what only this screen knows is the live one's.

    That is when orders arrived here, what became of the viewer's own, and when nothing arrived.
    """
    past = Session(StoppedClock(moment.timestamp()))
    if live.hello is not None:
        past.apply(Connected(live.hello, resumed=False))
    past.menu = live.menu
    change, totals = change_from(snapshot.view), snapshot.view.totals
    past.apply(ViewReset(change, snapshot.epoch, snapshot.version, totals))
    past.stand_at(moment)
    past.arrivals, past.own = live.arrivals, live.own
    end = moment.timestamp()
    past.outages.extend(replace(outage) for outage in live.outages if outage.start <= end)
    return past


class TimeTravel:
    """Which moment is shown, and which one has been asked for; `now` is the live present."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.sought: datetime | None = None
        self.shown: tuple[datetime, Session] | None = None

    def seek(self, seconds: float) -> None:
        """Ask for a moment so much later (or earlier, if negative) than the one asked for or shown last."""
        shown = None if self.shown is None else self.shown[0]
        start = self.sought or shown or self._now()
        self.seek_to(datetime.fromtimestamp(start.timestamp() + seconds, UTC))

    def seek_to(self, moment: datetime) -> None:
        """Ask for a moment; the present, or a later one, is what is live."""
        if moment.timestamp() >= self._now().timestamp() - 0.5:
            self.go_live()
        else:
            self.sought = moment

    def show(self, moment: datetime, session: Session) -> None:
        """Show a moment, unless another one has been asked for since."""
        if self.sought == moment:
            self.sought, self.shown = None, (moment, session)

    def give_up(self, moment: datetime) -> None:
        """Stop asking for a moment."""
        if self.sought == moment:
            self.sought = None

    def go_live(self) -> None:
        """Show what is now."""
        self.sought = self.shown = None
