"""A client's copy of the server's view: what each frame does to it, without any network."""

from __future__ import annotations

from coffeert.client.events import (
    Beat,
    Connected,
    FeedEvent,
    GapFound,
    MenuUpdated,
    ViewChanged,
    ViewReset,
)
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.view import View
from coffeert.wire.frames import (
    Delta,
    Heartbeat,
    Hello,
    Snapshot,
    change_from,
)
from coffeert.wire.frames import (
    MenuChanged as MenuFrame,
)
from coffeert.wire.health import Health
from coffeert.wire.orders import MenuBody

StateFrame = Hello | Snapshot | Delta | MenuFrame | Heartbeat


class Replica:
    """The state at (epoch, version), equal to the server's there.

    `needs_resync` is set when changes are missing; the owner of the connection then asks for a snapshot,
    once, and the next snapshot clears it.
    """

    def __init__(self) -> None:
        self.view: View | None = None
        self.epoch = ""
        self.version = 0
        self.totals: WindowTotals | None = None
        self.menu: MenuBody | None = None
        self.health: Health | None = None
        self.gaps = 0
        self.needs_resync = False
        self._behind: tuple[str, int] | None = None

    def apply(self, frame: StateFrame, received: float) -> list[FeedEvent]:
        """Apply a frame that arrived at `received` (`time.monotonic()`); returns the events it causes."""
        match frame:
            case Delta():
                return self._delta(frame, received)
            case Snapshot():
                return self._snapshot(frame)
            case Heartbeat():
                return self._heartbeat(frame)
            case MenuFrame():
                return self._menu(frame.menu)
            case Hello():
                return self._hello(frame)

    def _hello(self, hello: Hello) -> list[FeedEvent]:
        self.needs_resync = False
        self._behind = None
        resumed = self.view is not None and hello.epoch == self.epoch
        return [Connected(hello, resumed), *self._menu(hello.menu)]

    def _menu(self, menu: MenuBody) -> list[FeedEvent]:
        if menu == self.menu:
            return []
        self.menu = menu
        return [MenuUpdated(menu)]

    def _snapshot(self, snapshot: Snapshot) -> list[FeedEvent]:
        self.needs_resync = False
        self._behind = None
        if snapshot.epoch == self.epoch and snapshot.version < self.version:
            # A prepared snapshot that is older than what we have; the delta after it covers the rest.
            return []
        change = change_from(snapshot.view)
        self.view = View(change)
        self.epoch, self.version = snapshot.epoch, snapshot.version
        self.totals = snapshot.view.totals
        self.health = snapshot.health or self.health
        return [ViewReset(change, snapshot.epoch, snapshot.version, snapshot.view.totals)]

    def _delta(self, delta: Delta, received: float) -> list[FeedEvent]:
        if self.view is None or delta.epoch != self.epoch or delta.from_ > self.version:
            return self._gap(delta.from_)
        if delta.to <= self.version:
            return []
        change = change_from(delta.view)
        self.view.apply(change)
        self.version = delta.to
        self.totals = delta.view.totals
        return [ViewChanged(change, delta.to, received, delta.view.totals)]

    def _heartbeat(self, heartbeat: Heartbeat) -> list[FeedEvent]:
        self.health = heartbeat.health
        events: list[FeedEvent] = [Beat(heartbeat)]
        at = heartbeat.epoch, heartbeat.version
        if self.view is not None and at == (self.epoch, self.version):
            self.view.data_time = max(self.view.data_time, heartbeat.data_time)
        if heartbeat.epoch == self.epoch and heartbeat.version <= self.version:
            self._behind = None
        elif self._behind is None:
            # The change may follow right after the heartbeat; it is missing if the next one comes first.
            self._behind = at
        elif self._behind[0] != self.epoch or self._behind[1] > self.version:
            self._behind = None
            self.needs_resync = False
            events += self._gap(heartbeat.version)
        else:
            self._behind = at
        return events

    def _gap(self, got: int) -> list[FeedEvent]:
        if self.needs_resync:
            return []
        self.needs_resync = True
        self.gaps += 1
        return [GapFound(self.version, got)]
