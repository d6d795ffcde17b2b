"""Keeps the live view up to date with what other processes commit and aggregate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, tzinfo

import structlog

from coffeert.backoff import Backoff
from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import RetentionWindow, tally_orders
from coffeert.domain.view import RollupSnapshot, newest
from coffeert.domain.watermark import Xid
from coffeert.errors import DatabaseUnavailable, RedisUnavailable
from coffeert.redis_bus.bus import Bus, Subscribed
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.live_view import LiveView
from coffeert.server.live.rollup_reader import RollupReader
from coffeert.wire.bus import BatchesCommitted, PassMessage, PassStats

log = structlog.get_logger(__name__)

_MAX_RETRY_SECONDS = 2.0


class LiveUpdater:
    """Updates a live view from Redis, and from PostgreSQL if Redis has no snapshot.

    The broadcaster's `Source`: what was committed or received waits here until a frame is due.
    `live=False`: an order shows with the pass that counts it. `on_new_lineage` is called with the lineage
    when another history of orders has taken the place of the one that was shown.
    """

    def __init__(
        self,
        live_view: LiveView,
        broadcaster: Broadcaster,
        bus: Bus,
        rollup_reader: RollupReader,
        *,
        zone: tzinfo,
        live: bool,
        on_new_lineage: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.live = live
        self.connected = False
        self.stats: PassStats | None = None
        self.last_pass_at: datetime | None = None
        self._live_view = live_view
        self._broadcaster = broadcaster
        self._bus = bus
        self._rollup_reader = rollup_reader
        self._on_new_lineage = on_new_lineage
        self._committed: list[tuple[Xid, Sequence[Order]]] = []
        self._received: list[PendingBatches] = []
        self._received_recent: list[Order] = []
        self._zone = zone

    def on_commit(self, xid: Xid, orders: Sequence[Order]) -> None:
        """Show a batch that this server has committed, with the next frame."""
        if self.live:
            self._committed.append((xid, orders))
            self._broadcaster.notify()

    def flush_to_view(self) -> None:
        """Put everything committed and received since the last call into the view.

        What this server committed is published to the others, as one message.
        """
        if not (self._received or self._committed):
            return
        batches, self._received = self._received, []
        recent, self._received_recent = self._received_recent, []
        if self._committed:
            committed, self._committed = self._committed, []
            ours = PendingBatches.of({xid: tally_orders(orders) for xid, orders in committed})
            newest_of_ours = newest(order for _, orders in committed for order in orders)
            self._bus.publish_batches(
                BatchesCommitted.of(self._bus.name, self._live_view.lineage, ours, newest_of_ours)
            )
            batches.append(ours)
            recent += newest_of_ours
        self._live_view.apply_pending(batches, newest(recent))

    async def load_if_empty(self) -> None:
        """Load the rollups from PostgreSQL unless a pass is loaded already."""
        if not self._live_view.loaded:
            await self._load_rollups()

    async def run(self) -> None:
        """Follow Redis until cancelled; reconnects."""
        backoff = Backoff(longest=_MAX_RETRY_SECONDS)
        while True:
            try:
                async with aclosing(self._bus.messages()) as messages:
                    async for message in messages:
                        backoff.reset()
                        await self._handle(message)
            except RedisUnavailable as error:
                log.debug("redis lost", reason=str(error))  # the health monitor logs it, once
                self.connected = False
                await self.load_if_empty()
                await asyncio.sleep(backoff.next_delay())

    async def follow_clock(self) -> None:
        """Move the view's windows on each minute, until cancelled."""
        while True:
            self._live_view.move_to(self._retention_window())
            self._broadcaster.notify()
            await asyncio.sleep(60 - datetime.now(UTC).timestamp() % 60 + 0.001)

    async def _handle(self, message: Subscribed | PassMessage | BatchesCommitted) -> None:
        match message:
            case Subscribed():
                # Load after subscribing: what is published meanwhile waits in the subscription.
                await self._load()
                self.connected = True
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
        if (
            message.lineage != self._live_view.lineage
            or message.cells is None
            or not self._live_view.apply_pass(
                message.number,
                message.parsed_watermark(),
                message.data_time,
                message.changed_cells(),
                [body.order() for body in message.recent],
            )
        ):
            await self._load()
        self.stats = message.stats
        self.last_pass_at = datetime.now(UTC)

    async def _load(self) -> None:
        stored = await self._bus.load_snapshot()
        if stored is not None and await self._is_our_lineage(stored[0].lineage):
            snapshot, self.stats = stored
            self._replace_base(snapshot)
        else:
            # Redis is empty, damaged or has another lineage: no pass would continue what is shown.
            await self._load_rollups()

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

    async def _load_rollups(self) -> None:
        try:
            snapshot = await self._rollup_reader.load_snapshot(self._retention_window())
            self._replace_base(snapshot)
        except DatabaseUnavailable as error:
            log.debug("no snapshot yet", reason=str(error))
        self._broadcaster.notify()

    def _replace_base(self, snapshot: RollupSnapshot) -> None:
        self.flush_to_view()  # what was received belongs to the present lineage
        before = self._live_view.lineage
        self._live_view.load(snapshot)
        if before not in ("", snapshot.lineage):
            self._on_new_lineage(snapshot.lineage)

    def _retention_window(self) -> RetentionWindow:
        return RetentionWindow.at(datetime.now(UTC), self._zone)
