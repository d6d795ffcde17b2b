"""The live feed: keeps the live view on what other processes commit and aggregate."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime, tzinfo

import structlog

from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import RetentionWindow, tally_orders
from coffeert.domain.view import newest
from coffeert.domain.watermark import Xid
from coffeert.errors import DatabaseUnavailable, RedisUnavailable
from coffeert.redis_bus.bus import Bus, Subscribed
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.live_view import LiveView
from coffeert.server.live.rollup_reader import RollupReader
from coffeert.wire.bus import BatchesCommitted, PassMessage, PassStats

log = structlog.get_logger(__name__)

_RETRY_MAX = 2.0


class LiveUpdater:
    """Feeds a live view from Redis, and from PostgreSQL where Redis has nothing to give.

    `live=False` is the pure batch mode: orders show with the pass that counts them.
    """

    def __init__(
        self,
        view: LiveView,
        hub: Broadcaster,
        bus: Bus,
        database: RollupReader,
        *,
        zone: tzinfo,
        live: bool,
    ) -> None:
        self.live = live
        self.connected = False
        self.stats: PassStats | None = None
        self.heard_at: datetime | None = None
        self._view = view
        self._hub = hub
        self._bus = bus
        self._database = database
        self._committed: list[tuple[Xid, Sequence[Order]]] = []
        self._heard: list[PendingBatches] = []
        self._heard_recent: list[Order] = []
        self._zone = zone

    def committed(self, xid: Xid, orders: Sequence[Order]) -> None:
        """Take a batch that this server has just committed; it is shown with the next frame."""
        if self.live:
            self._committed.append((xid, orders))
            self._hub.notify()

    def show(self) -> None:
        """Bring everything committed and heard since the last frame into the view.

        The hub calls this before each frame, so under load many batches cost little more than one.
        What this server has committed is told to the others.
        """
        if not (self._heard or self._committed):
            return
        batches, self._heard = self._heard, []
        recent, self._heard_recent = self._heard_recent, []
        if self._committed:
            committed, self._committed = self._committed, []
            ours = PendingBatches.of({xid: tally_orders(orders) for xid, orders in committed})
            newest_of_ours = newest(order for _, orders in committed for order in orders)
            self._bus.publish_batches(
                BatchesCommitted.of(self._bus.name, self._view.lineage, ours, newest_of_ours)
            )
            batches.append(ours)
            recent += newest_of_ours
        self._view.apply_pending(batches, newest(recent))

    async def begin(self) -> None:
        """Load a first picture from PostgreSQL, so that the first reader does not get an empty one."""
        await self._load_if_empty()

    async def run(self) -> None:
        """Follow Redis until cancelled, through its outages."""
        attempt = 0
        while True:
            try:
                async with aclosing(self._bus.messages()) as messages:
                    async for message in messages:
                        attempt = 0
                        await self._take(message)
            except RedisUnavailable as error:
                log.debug("redis lost", reason=str(error))  # the health board says it once
                self.connected = False
                await self._load_if_empty()
                attempt += 1
                await asyncio.sleep(random.uniform(0.5, 1) * min(_RETRY_MAX, 0.1 * 2**attempt))

    async def move_time(self) -> None:
        """Let the view's windows follow the clock, until cancelled."""
        while True:
            self._view.move_to(self._retention())
            self._hub.notify()
            await asyncio.sleep(60 - datetime.now(UTC).timestamp() % 60 + 0.001)

    async def _take(self, message: Subscribed | PassMessage | BatchesCommitted) -> None:
        match message:
            case Subscribed():
                # Subscribed first, then read: what is published meanwhile waits in the subscription.
                await self._load()
                self.connected = True
                log.debug("following redis")
            case PassMessage():
                await self._take_pass(message)
            case BatchesCommitted():
                self._take_hot(message)
        self._hub.notify()

    def _take_hot(self, message: BatchesCommitted) -> None:
        if self.live and message.lineage == self._view.lineage:
            self._heard.append(message.batches())
            self._heard_recent += [body.order() for body in message.recent]

    async def _take_pass(self, message: PassMessage) -> None:
        if not await self._is_ours(message.lineage):
            return
        if (
            message.lineage != self._view.lineage
            or message.cells is None
            or not self._view.apply_pass(
                message.number,
                message.parsed_watermark(),
                message.data_time,
                message.changed_cells(),
                [body.order() for body in message.recent],
            )
        ):
            await self._load()
        self.stats = message.stats
        self.heard_at = datetime.now(UTC)

    async def _load(self) -> None:
        stored = await self._bus.load_snapshot()
        if stored is not None and await self._is_ours(stored[0].lineage):
            snapshot, self.stats = stored
            self.show()  # what was heard belongs to the lineage so far
            self._view.load(snapshot)
        else:  # emptied, damaged or another's: no pass would ever follow on what is shown
            await self._load_rollups()

    async def _is_ours(self, lineage: str) -> bool:
        """Tell whether numbers of this lineage are those of our database.

        A rebuild begins another lineage, so an unknown one may be ours now; a Redis that also serves
        another database, or remembers an older one, must not put its numbers on our screens.
        """
        if lineage == self._view.lineage:
            return True
        try:
            return lineage == await self._database.lineage()
        except DatabaseUnavailable:
            return False

    async def _load_if_empty(self) -> None:
        """Begin from the rollup tables where Redis has nothing, so that a picture is there at once."""
        if not self._view.loaded:
            await self._load_rollups()

    async def _load_rollups(self) -> None:
        try:
            snapshot = await self._database.load_snapshot(self._retention())
            self.show()
            self._view.load(snapshot)
        except DatabaseUnavailable as error:
            log.debug("no picture yet", reason=str(error))
        self._hub.notify()

    def _retention(self) -> RetentionWindow:
        return RetentionWindow.at(datetime.now(UTC), self._zone)
