"""The session: everything heard from the feed, as plain state that the screen reads when it likes.

Events go in one by one and cost little; nothing here knows about widgets. The session keeps its own
view, so that a recording and a live feed drive the very same path, and its own sums can be held
against the server's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal, assert_never
from zoneinfo import ZoneInfo

from coffeert.client.events import (
    Beat,
    Connected,
    Connecting,
    Disconnected,
    FeedEvent,
    GapFound,
    MenuUpdated,
    ViewChanged,
    ViewReset,
)
from coffeert.domain.rollups import ZERO, Grain, WindowTotals
from coffeert.domain.view import Change, View
from coffeert.tui.model.arrival_rates import Arrivals
from coffeert.tui.model.clock import Clock
from coffeert.tui.model.order_log import OrderLog
from coffeert.tui.model.order_traces import OwnOrders
from coffeert.tui.model.source import Feed
from coffeert.wire.frames import Heartbeat, Hello
from coffeert.wire.health import Health
from coffeert.wire.orders import MenuBody

LinkState = Literal["connecting", "up", "waiting", "stopped"]
TotalsMatch = Literal["unknown", "equal", "differs"]

OUTAGES_KEPT: Final = 100
FIGURES_KEPT: Final = 120
"""Heartbeats whose figures are kept: two minutes at one a second."""


@dataclass(slots=True)
class LinkStatus:
    """The connection: what it is doing, since when, and why."""

    state: LinkState = "connecting"
    attempt: int = 1
    since: float = 0.0
    retry_at: float | None = None
    reason: str = ""
    ever_up: bool = False
    heard: float | None = None


@dataclass(slots=True)
class Outage:
    """A time without news, in Unix seconds; `end` is `None` while it lasts."""

    start: float
    end: float | None = None


class Session:
    """What this screen has heard so far."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.link = LinkStatus(since=clock.monotonic())
        self.view: View | None = None
        self.totals: WindowTotals | None = None
        self.hello: Hello | None = None
        self.menu: MenuBody | None = None
        self.health: Health | None = None
        self.health_heard: float | None = None
        self.epoch = ""
        self.version = 0
        self.gaps = 0
        self.resets = 0
        self.orders_seen = 0
        self.orders_added = 0
        self.heartbeat: Heartbeat | None = None
        self.replaying = False
        self.own = OwnOrders()
        self.arrivals = Arrivals()
        self.log = OrderLog()
        self.outages: deque[Outage] = deque(maxlen=OUTAGES_KEPT)
        self._figures: deque[Health] = deque(maxlen=FIGURES_KEPT)
        self._anchor: tuple[datetime, float] | None = None
        self._touched: set[tuple[Grain, int]] = set()

    def apply(self, event: FeedEvent) -> None:
        """Bring the state up to date with one event."""
        moment = self.clock.monotonic()
        match event:
            case Connecting():
                self.link.state = "connecting"
                self.link.attempt = event.attempt
                self.link.since = moment
            case Connected():
                self._connect(event, moment)
            case ViewReset():
                self._reset(event, moment)
            case ViewChanged():
                self._change(event, moment)
            case Beat():
                self.link.heard = moment
                self.heartbeat = event.heartbeat
                self.health = event.heartbeat.health
                self._figures.append(event.heartbeat.health)
                self.health_heard = moment
                self._hear_time(event.heartbeat.server_time, moment)
                if self.view is not None and event.heartbeat.version == self.version:
                    self.view.data_time = max(self.view.data_time, event.heartbeat.data_time)
                    self._end_outage()
            case MenuUpdated():
                self.menu = event.menu
            case GapFound():
                self.gaps += 1
            case Disconnected():
                self._disconnect(event, moment)
            case _:
                assert_never(event)

    def now(self) -> datetime:
        """Return the server's present: its clock counts, for it is what orders are placed by."""
        if self._anchor is None:
            return self.clock.now()
        then, moment = self._anchor
        return then + timedelta(seconds=self.clock.monotonic() - moment)

    def age(self) -> float | None:
        """Return how old the data on the screen is, in seconds."""
        if self.view is None:
            return None
        return max(0.0, (self.now() - self.view.data_time).total_seconds())

    def seconds_since_last_message(self) -> float | None:
        """Return how long ago the server was last heard of, in seconds."""
        if self.link.heard is None:
            return None
        return max(0.0, self.clock.monotonic() - self.link.heard)

    def totals_match(self) -> TotalsMatch:
        """Hold the session's own sums against those the server sent with the same version."""
        if self.view is None or self.totals is None:
            return "unknown"
        return "equal" if self.view.cube.totals() == self.totals else "differs"

    def zone(self) -> tzinfo:
        """Return the zone in which the server's people read times."""
        if self.hello is None:
            return UTC
        try:
            return ZoneInfo(self.hello.timezone)
        except (ValueError, OSError):
            return UTC

    def figures(self) -> tuple[Health, ...]:
        """Return the server's figures of late, the newest last."""
        return tuple(self._figures)

    def drain_touched(self) -> set[tuple[Grain, int]]:
        """Return the buckets that changed since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def lost_between(self, start: float, end: float) -> bool:
        """Tell whether news were missing at any time in [start, end), in Unix seconds."""
        return any(
            outage.start < end and (outage.end is None or outage.end > start)
            for outage in self.outages
        )

    def _connect(self, event: Connected, moment: float) -> None:
        self.hello = event.hello
        self.menu = event.hello.menu
        self.link.state = "up"
        self.link.since = moment
        self.link.heard = moment
        self.link.retry_at = None
        self.link.reason = ""
        self.link.ever_up = True

    def _reset(self, event: ViewReset, moment: float) -> None:
        self.link.heard = moment
        self.view = View(event.change)
        self._guess_time(moment)
        self.epoch, self.version, self.totals = event.epoch, event.version, event.totals
        self.resets += 1
        self._touched.clear()
        self.log.add(event.change.recent)
        self.own.arrive(event.change.recent, moment)
        self._end_outage()

    def _change(self, event: ViewChanged, moment: float) -> None:
        self.link.heard = moment
        if self.view is None:
            return
        if self.heartbeat is not None:
            self._count_arrivals(event.change)
        self.view.apply(event.change)
        self._guess_time(moment)
        self.version, self.totals = event.version, event.totals
        self.log.add(event.change.recent)
        self._touched.update((key.grain, key.bucket) for key in event.change.cells)
        self.own.arrive(event.change.recent, event.received)
        self._end_outage()

    def _hear_time(self, server_time: datetime, moment: float) -> None:
        """Go by the server's clock. What arrives from now on is news, and no catching up."""
        self._anchor = server_time, moment
        if self.view is not None:
            self.arrivals.watch(server_time.timestamp())

    def _guess_time(self, moment: float) -> None:
        """Before the first heartbeat, take the newest data to be of now."""
        if self.heartbeat is None and self.view is not None:
            self._anchor = self.view.data_time, moment

    def _count_arrivals(self, change: Change) -> None:
        assert self.view is not None
        now = self.now().timestamp()
        self.orders_added = 0
        for key, totals in change.cells.items():
            if key.grain == "minute":
                added = totals.minus(self.view.cube.get(key))
                if added != ZERO:
                    self.arrivals.add(now, key.store, key.drink, added)
                    self.orders_added += max(0, added.orders)
        self.orders_seen += self.orders_added

    def _disconnect(self, event: Disconnected, moment: float) -> None:
        if self.link.state == "up" and self.view is not None:
            self.outages.append(Outage(self.view.data_time.timestamp()))
        self.link.state = "stopped" if event.retry_in is None else "waiting"
        self.link.reason = event.reason
        self.link.since = moment
        self.link.retry_at = None if event.retry_in is None else moment + event.retry_in

    def _end_outage(self) -> None:
        if self.outages and self.outages[-1].end is None and self.link.state == "up":
            end = self.now().timestamp()
            self.outages[-1].end = end
            self.arrivals.lose(self.outages[-1].start, end)


async def follow(
    session: Session, feed: Feed, tell: Callable[[FeedEvent], None], wake: Callable[[bool], None]
) -> None:
    """Take everything the feed tells, until it ends or the task is cancelled.

    After each event `tell` is called with it, and `wake` with whether somebody is waiting to see it: an
    own order.
    """
    async for event in feed.events():
        waiting = session.own.awaited
        session.apply(event)
        tell(event)
        wake(session.own.awaited < waiting)
