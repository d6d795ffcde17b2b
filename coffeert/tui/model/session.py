"""The session: the state that follows from the feed's events, read by the screen at each repaint.

The session keeps a view of its own, so that a recording and a live feed take the same path, and its sums
can be compared with the server's.
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
from coffeert.domain.currency import places
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.rollups import ZERO, Grain
from coffeert.domain.view import Change, View
from coffeert.tui.model.arrival_rates import Arrivals
from coffeert.tui.model.clock import Clock
from coffeert.tui.model.order_log import OrderLog
from coffeert.tui.model.order_traces import OwnOrders
from coffeert.tui.model.source import LiveFeed
from coffeert.wire.frames import Heartbeat, Hello
from coffeert.wire.health import Health
from coffeert.wire.orders import MenuBody
from coffeert.wire.reports import Activity

LinkState = Literal["connecting", "up", "waiting", "stopped"]
TotalsMatch = Literal["unknown", "equal", "differs"]

MAX_OUTAGES: Final = 100
MAX_HEALTH_HISTORY: Final = 120
"""Two minutes at one heartbeat a second."""


@dataclass(slots=True)
class LinkStatus:
    """The connection to the server; `retry_at` and `heard` in monotonic seconds."""

    state: LinkState = "connecting"
    attempt: int = 1
    retry_at: float | None = None
    reason: str = ""
    ever_up: bool = False
    heard: float | None = None


@dataclass(slots=True)
class Outage:
    """A time without events, in Unix seconds; `end` is `None` while it lasts."""

    start: float
    end: float | None = None


class Session:
    """What has been received so far; not thread-safe, and bounded in memory."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.link = LinkStatus()
        self.view: View | None = None
        self.totals: WindowTotals | None = None
        self.hello: Hello | None = None
        self.menu: MenuBody | None = None
        self.health: Health | None = None
        self.health_received: float | None = None
        self.epoch = ""
        self.version = 0
        self.gaps = 0
        self.orders_seen = 0
        self.orders_added = 0
        self.heartbeat: Heartbeat | None = None
        self.activity: Activity | None = None
        self.replaying = False
        self.own = OwnOrders()
        self.arrivals = Arrivals()
        self.log = OrderLog()
        self.outages: deque[Outage] = deque(maxlen=MAX_OUTAGES)
        self._health_history: deque[Health] = deque(maxlen=MAX_HEALTH_HISTORY)
        self._server_time: tuple[datetime, float] | None = None
        self._touched: set[tuple[Grain, int]] = set()

    def apply(self, event: FeedEvent) -> None:
        """Change the state by one event."""
        moment = self.clock.monotonic()
        match event:
            case Connecting():
                self.link.state = "connecting"
                self.link.attempt = event.attempt
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
                self._health_history.append(event.heartbeat.health)
                self.health_received = moment
                self._set_server_time(event.heartbeat.server_time, moment)
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
        """Return the present by the server's clock, the one that `placed_at` goes by."""
        if self._server_time is None:
            return self.clock.now()
        then, moment = self._server_time
        return then + timedelta(seconds=self.clock.monotonic() - moment)

    def stand_at(self, moment: datetime) -> None:
        """Take a past moment for the present."""
        self._server_time = moment, self.clock.monotonic()

    def age(self) -> float | None:
        """Return the age of the view in seconds; `None` without one."""
        if self.view is None:
            return None
        return max(0.0, (self.now() - self.view.data_time).total_seconds())

    def seconds_since_last_message(self) -> float | None:
        """Return the seconds since any message of the server; `None` before the first."""
        if self.link.heard is None:
            return None
        return max(0.0, self.clock.monotonic() - self.link.heard)

    def totals_match(self) -> TotalsMatch:
        """Compare the sums of the view with those that the server sent for the same version."""
        if self.view is None or self.totals is None:
            return "unknown"
        return "equal" if self.view.cube.totals() == self.totals else "differs"

    @property
    def currency(self) -> str | None:
        """The currency of all amounts, `None` if none is known."""
        return None if self.menu is None else self.menu.currency

    @property
    def places(self) -> int:
        """Decimal places of all amounts."""
        return places(self.currency)

    def zone(self) -> tzinfo:
        """Return the server's time zone; UTC if it is unknown here."""
        if self.hello is None:
            return UTC
        try:
            return ZoneInfo(self.hello.timezone)
        except (ValueError, OSError):
            return UTC

    def health_history(self) -> tuple[Health, ...]:
        """Return the health that the latest heartbeats carried, newest last."""
        return tuple(self._health_history)

    def drain_touched(self) -> set[tuple[Grain, int]]:
        """Return the buckets that changed since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def lost_between(self, start: float, end: float) -> bool:
        """Whether there was an outage at any time in [start, end), in Unix seconds."""
        return any(
            outage.start < end and (outage.end is None or outage.end > start)
            for outage in self.outages
        )

    def _connect(self, event: Connected, moment: float) -> None:
        self.hello = event.hello
        self.menu = event.hello.menu
        self.link.state = "up"
        self.link.heard = moment
        self.link.retry_at = None
        self.link.reason = ""
        self.link.ever_up = True

    def _reset(self, event: ViewReset, moment: float) -> None:
        self.link.heard = moment
        self.view = View(event.change)
        self._estimate_server_time(moment)
        self.epoch, self.version, self.totals = event.epoch, event.version, event.totals
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
        self._estimate_server_time(moment)
        self.version, self.totals = event.version, event.totals
        self.log.add(event.change.recent)
        self._touched.update((key.grain, key.bucket) for key in event.change.cells)
        self.own.arrive(event.change.recent, event.received)
        self._end_outage()

    def _set_server_time(self, server_time: datetime, moment: float) -> None:
        """Take over the server's clock; only what arrives after this is counted as arriving now."""
        self._server_time = server_time, moment
        if self.view is not None:
            self.arrivals.watch(server_time.timestamp())

    def _estimate_server_time(self, moment: float) -> None:
        """Before the first heartbeat, take the time of the newest data for the present."""
        if self.heartbeat is None and self.view is not None:
            self._server_time = self.view.data_time, moment

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
        self.link.retry_at = None if event.retry_in is None else moment + event.retry_in

    def _end_outage(self) -> None:
        if self.outages and self.outages[-1].end is None and self.link.state == "up":
            end = self.now().timestamp()
            self.outages[-1].end = end
            self.arrivals.lose(self.outages[-1].start, end)


async def follow(
    session: Session,
    feed: LiveFeed,
    on_event: Callable[[FeedEvent], None],
    wake: Callable[[bool], None],
) -> None:
    """Apply every event of the feed, until it ends or the task is cancelled.

    After each event `on_event` is called with it, and `wake` with whether it brought an order of the
    viewer's own, which is to be shown at once.
    """
    async for event in feed.events():
        waiting = session.own.awaited
        session.apply(event)
        on_event(event)
        wake(session.own.awaited < waiting)
