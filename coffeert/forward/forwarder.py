"""The loop that reads the feed and posts it to another installation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog

from coffeert.backoff import Backoff
from coffeert.domain.feed import BEGINNING, FeedCursor, FeedPosition
from coffeert.domain.orders import Order
from coffeert.errors import ApiError, Gone, ServerUnavailable
from coffeert.forward.lines import LineSender, is_final
from coffeert.postgres.feed import FeedTable
from coffeert.postgres.forwarding import ForwardProgress, ForwardState

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.1
_DEMAND_SECONDS: Final = 5.0
_DEMAND_EVERY_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 60.0
_AGAIN_AT_ONCE: Final = 500
_MAX_RETRY_SECONDS: Final = 5.0
_ORDER_REFUSED: Final = "The order that it voids was refused."


class Forwarder:
    """Forwards one installation's orders to another; what comes back from there is a replay here.

    The cursor moves after the other installation has answered, so orders may be sent twice, and are stored
    once. What it refuses is noted and never waited for. A cursor that leads nowhere any more begins again.
    """

    def __init__(self, table: FeedTable, state: ForwardState, sender: LineSender) -> None:
        self._table = table
        self._state = state
        self._sender = sender
        self._backoff = Backoff(longest=_MAX_RETRY_SECONDS)
        self._demanded = self._sent_again = float("-inf")
        self._broken = False
        self._again_behind: Order | None = None

    async def run(self, cursor: str) -> None:
        """Forward from a cursor on, until cancelled.

        Raises `ApiError` if the other installation refuses us as a whole, and `DatabaseUnavailable`.
        """
        position = await self._position(cursor)
        while True:
            try:
                position, moved = await self._step(position)
            except (ServerUnavailable, ApiError) as error:
                if isinstance(error, Gone):
                    position = self._begin_again()
                    continue
                if isinstance(error, ApiError) and is_final(error):
                    raise
                await self._wait_after(error)
                continue
            if self._broken:
                self._broken = False
                log.info("forwards again")
            self._backoff.reset()
            if not moved:
                await asyncio.sleep(POLL_SECONDS)

    async def _step(self, position: FeedPosition) -> tuple[FeedPosition, bool]:
        await self._demand_ticks()
        await self._send_refused_again()
        parts = await self._table.read(position)
        if not parts:
            return position, False
        orders = [row.order for part in parts for row in part.rows]
        progress = await self._send(orders) if orders else ForwardProgress()
        position = parts[-1].end
        await self._state.advance(position.cursor(), progress)
        return position, True

    async def _send(self, orders: Sequence[Order]) -> ForwardProgress:
        """Send orders, but not the voids of refused ones: there the id may be of another order."""
        sales = [order for order in orders if order.voids is None]
        voids = [order for order in orders if order.voids is not None]
        progress = await self._sender.send(sales) if sales else ForwardProgress()
        if not voids:
            return progress
        targets = [order.voids for order in voids if order.voids is not None]
        refused = await self._state.refused(targets)
        refused |= {one.order_id for one in progress.refused}
        refused -= set(progress.taken)
        sent = [order for order in voids if order.voids not in refused]
        more = await self._sender.send(sent) if sent else ForwardProgress()
        held = tuple(
            self._sender.refusal(order, 424, _ORDER_REFUSED)
            for order in voids
            if order.voids in refused
        )
        return progress.plus(more).plus(ForwardProgress(refused=held))

    async def _send_refused_again(self) -> None:
        if time.monotonic() - self._sent_again < _AGAIN_SECONDS:
            return
        orders = await self._state.to_send_again(_AGAIN_AT_ONCE, self._again_behind)
        if orders:
            await self._state.note(await self._send(orders))
        if len(orders) == _AGAIN_AT_ONCE:
            # The others between the next parts of the feed: what is never taken must not hide them.
            self._again_behind = orders[-1]
            return
        self._again_behind = None
        self._sent_again = time.monotonic()

    async def _position(self, cursor: str) -> FeedPosition:
        if cursor == BEGINNING:
            return FeedPosition()
        try:
            return await self._table.find(FeedCursor.parse(cursor))
        except (Gone, ValueError):
            return self._begin_again()

    def _begin_again(self) -> FeedPosition:
        log.warning("forwards everything again", reason="the cursor leads nowhere any more")
        return FeedPosition()

    async def _demand_ticks(self) -> None:
        if time.monotonic() - self._demanded >= _DEMAND_EVERY_SECONDS:
            self._demanded = time.monotonic()
            await self._table.want_ticks(_DEMAND_SECONDS)

    async def _wait_after(self, error: ServerUnavailable | ApiError) -> None:
        if not self._broken:
            self._broken = True
            log.warning("cannot forward", reason=str(error))
        await asyncio.sleep(self._backoff.next_delay(getattr(error, "retry_after", None)))
