"""Keeps the live view up to date with what other processes commit and aggregate."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from datetime import datetime

import structlog

from coffeert.backoff import Backoff
from coffeert.domain.calendar import MARGIN_SECONDS, Calendars
from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import tally_orders
from coffeert.domain.view import newest
from coffeert.domain.watermark import Xid
from coffeert.errors import DatabaseUnavailable, RedisUnavailable
from coffeert.redis_bus.bus import Bus, Subscribed
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.live_view import LiveView
from coffeert.server.live.rollup_reader import RollupReader
from coffeert.wire.bus import BatchesCommitted, PassMessage, PassStats

log = structlog.get_logger(__name__)

_MAX_RETRY_SECONDS = 2.0
_CLOCK_SECONDS = 1.0  # between two looks at the database's clock
_SAME_TIME_SECONDS = 5.0
_LINEAGE_SECONDS = 2.0  # within that time all servers have noticed another lineage


class LiveUpdater:
    """Keeps a live view at what PostgreSQL holds, by the passes that Redis brings.

    A pass is applied only on top of the one that it follows; at the start and whenever one is missing, the
    rollups are loaded from PostgreSQL. The copy in Redis is shown only while PostgreSQL is away.

    The broadcaster's `Source`: what was committed or received waits here until a frame is due.
    `live=False`: an order shows with the pass that counts it. `on_new_lineage` is called with the lineage
    when another history of orders has taken the place of the one that was shown. `places` are the decimal
    places of the currency.
    """

    def __init__(
        self,
        live_view: LiveView,
        broadcaster: Broadcaster,
        bus: Bus,
        rollup_reader: RollupReader,
        *,
        live: bool,
        places: Callable[[], int] = lambda: DEFAULT_PLACES,
        on_new_lineage: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.live = live
        self.connected = False
        self.redis_obstacle: str | None = None
        self.stats: PassStats | None = None
        self.last_pass_at: datetime | None = None
        self._live_view = live_view
        self._broadcaster = broadcaster
        self._bus = bus
        self._rollup_reader = rollup_reader
        self._clock = rollup_reader.clock
        self._on_new_lineage = on_new_lineage
        self._places = places
        self._load_again_at = math.inf
        self._loading = asyncio.Lock()  # a load must not overtake a pass, nor the windows
        self._committed: list[tuple[Xid, Sequence[Order]]] = []
        self._received: list[PendingBatches] = []
        self._received_recent: list[Order] = []

    @property
    def calendars(self) -> Calendars:
        """The calendars of the stores."""
        return self._live_view.calendars

    def on_commit(self, xid: Xid, orders: Sequence[Order]) -> None:
        """Show a batch that this server has committed, with the next frame."""
        if self.live:
            self._committed.append((xid, orders))
            self._broadcaster.notify()

    def flush_to_view(self) -> int:
        """Put everything committed and received since the last call into the view.

        What this server committed is published to the others, as one message. Returns how many orders this
        server committed, and how many of the others' are to be listed.
        """
        if not (self._received or self._committed):
            return 0
        batches, self._received = self._received, []
        recent, self._received_recent = self._received_recent, []
        flushed = len(recent) + sum(len(orders) for _, orders in self._committed)
        if self._committed:
            committed, self._committed = self._committed, []
            ours = PendingBatches.of({xid: tally_orders(orders) for xid, orders in committed})
            newest_of_ours = newest(order for _, orders in committed for order in orders)
            self._bus.publish_batches(
                BatchesCommitted.of(
                    self._bus.name, self._live_view.lineage, ours, newest_of_ours, self._places()
                )
            )
            batches.append(ours)
            recent += newest_of_ours
        self._live_view.apply_pending(batches, newest(recent))
        return flushed

    async def load_if_needed(self) -> None:
        """Load the rollups from PostgreSQL unless they are loaded and confirmed already."""
        async with self._loading:
            if not (self._live_view.loaded and self._live_view.confirmed):
                await self._load()

    async def run(self) -> None:
        """Follow Redis until cancelled; reconnects."""
        backoff = Backoff(longest=_MAX_RETRY_SECONDS)
        while True:
            try:
                async with aclosing(self._bus.messages()) as messages:
                    async for message in messages:
                        backoff.reset()
                        async with self._loading:
                            await self._handle(message)
            except RedisUnavailable as error:
                log.debug("redis lost", reason=str(error))  # the health monitor logs it, once
                self.connected = False
                self.redis_obstacle = str(error)
                await self.load_if_needed()
                await asyncio.sleep(backoff.next_delay())

    async def follow_clock(self) -> None:
        """Move the view's windows with the database's clock, back too, until cancelled.

        Loads again what has to come back, or what PostgreSQL could not confirm when it was needed.
        """
        while True:
            async with self._loading:
                if not (self._move_windows() and self._is_current()):
                    await self._load()
            seconds_left = 60 - self._clock.now().timestamp() % 60
            await asyncio.sleep(min(_CLOCK_SECONDS, seconds_left + 0.001))

    async def _handle(self, message: Subscribed | PassMessage | BatchesCommitted) -> None:
        match message:
            case Subscribed():
                # Load after subscribing: what is published meanwhile waits in the subscription.
                await self._load_or_copy()
                await self._read_stats()
                self.connected = True
                self.redis_obstacle = None
                log.debug("following redis")
            case PassMessage():
                await self._handle_pass(message)
            case BatchesCommitted():
                self._handle_batches(message)
        self._broadcaster.notify()

    def _handle_batches(self, message: BatchesCommitted) -> None:
        if self.live and message.lineage == self._live_view.lineage:
            self._received.append(message.batches())
            self._received_recent += [body.order() for body in message.recent]

    async def _handle_pass(self, message: PassMessage) -> None:
        if not await self._is_our_lineage(message.lineage):
            return
        if abs((self._clock.now() - message.data_time).total_seconds()) > _SAME_TIME_SECONDS:
            with suppress(DatabaseUnavailable):
                await self._rollup_reader.measure_clock()
        self._move_windows()
        change = message.change()
        if change is None or not self._live_view.apply_pass(change):
            await self._load_or_copy()
        self.stats = message.stats
        self.last_pass_at = self._clock.now()

    async def _is_our_lineage(self, lineage: str) -> bool:
        """Whether a lineage is that of our database.

        A rebuild begins another lineage, so an unknown one may be ours; but a Redis that also serves
        another database, or holds the data of an earlier one, must not put its numbers on our screens.
        """
        if lineage == self._live_view.lineage:
            return True
        try:
            return lineage == await self._rollup_reader.lineage()
        except DatabaseUnavailable:
            return False

    async def _load_or_copy(self) -> None:
        if not await self._load():
            await self._load_copy()

    async def _load(self) -> bool:
        """Load the rollups from PostgreSQL; False if that cannot be read now."""
        view = self._live_view
        was_due = self._load_is_due
        self.flush_to_view()
        view.expect()
        try:
            snapshot, now = await self._rollup_reader.load_snapshot(live=self.live)
        except DatabaseUnavailable as error:
            log.debug("rollups not loaded", reason=str(error))
            view.confirmed = False
            return False
        self.flush_to_view()  # what was received belongs to the present lineage
        another = view.loaded and not view.continues(snapshot)
        view.load(snapshot, self._retention_at(now, snapshot.calendars or view.calendars))
        if was_due:  # an earlier load may come before all servers have noticed
            self._load_again_at = math.inf
        if another:
            log.info("another history of orders", lineage=snapshot.lineage)
            # What is committed meanwhile, here and by servers that notice it later, is of the former one.
            self._load_again_at = self._clock.monotonic() + _LINEAGE_SECONDS
            self._on_new_lineage(snapshot.lineage)
        self._broadcaster.notify()
        return True

    async def _load_copy(self) -> None:
        """While PostgreSQL is away, show the copy in Redis, if it continues what is shown."""
        stored = await self._bus.load_snapshot()
        if stored is None:
            return
        snapshot, stats = stored
        view = self._live_view
        if view.continues(snapshot) and view.covered_by(snapshot.coverage):
            self.flush_to_view()
            view.load(snapshot, view.view.cube.retention, confirmed=False)
            self.stats = stats

    async def _read_stats(self) -> None:
        """Learn who leads from Redis before the next pass tells, which may be an hour away."""
        meta = await self._bus.load_meta()
        if meta is not None and self._live_view.is_of(meta.lineage, meta.nonce):
            self.stats = meta.stats

    def _move_windows(self) -> bool:
        """Move the windows to the database's present; False if they have to go back."""
        before = self._live_view.view.cube.retention
        now = self._retention_at(self._clock.now(), self._live_view.calendars)
        if now != before:
            self._broadcaster.notify()
        return self._live_view.move_to(now)

    def _is_current(self) -> bool:
        view = self._live_view
        ahead = self._clock.now().timestamp() + MARGIN_SECONDS
        return view.confirmed and not self._load_is_due and view.calendars.reaches(ahead)

    @property
    def _load_is_due(self) -> bool:
        return self._clock.monotonic() >= self._load_again_at

    def _retention_at(self, now: datetime, calendars: Calendars) -> RetentionWindow:
        """Return the window as of a moment; the present one if that goes back by seconds only.

        Two measurements of the database's clock differ a little, and the minute must not flicker.
        """
        present = self._live_view.view.cube.retention
        if now.timestamp() < present.as_of <= now.timestamp() + _SAME_TIME_SECONDS:
            now = present.moment()
        return RetentionWindow.at(now, calendars)
