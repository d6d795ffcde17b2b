"""Places and voids the viewer's orders, and notes in the session what becomes of each."""

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec

from coffeert.client import PlacedOrder
from coffeert.domain.orders import Draft, new_order_id
from coffeert.errors import CoffeertError, NotFound, OutcomeUnknown
from coffeert.tui.model.order_traces import OrderTrace
from coffeert.tui.model.session import Session
from coffeert.tui.model.source import Archive, LiveFeed


class OrderActions:
    """What the viewer can do with orders. Errors are noted with the order, and raised again."""

    def __init__(self, session: Session, feed: LiveFeed, archive: Archive | None) -> None:
        self._own = session.own
        self._clock = session.clock
        self._feed = feed
        self._archive = archive

    async def place(self, draft: Draft) -> PlacedOrder:
        """Place an order over the feed's connection; raises `CoffeertError`.

        The draft's id is its idempotency key: placing the same draft again never makes two orders.
        """
        order_id = draft.order_id or new_order_id()
        draft = msgspec.structs.replace(draft, order_id=order_id)
        self._own.submit(draft, self._clock.monotonic())
        try:
            placed = await self._feed.place(draft)
        except asyncio.CancelledError:
            self._own.mark_unknown(order_id, "The form was closed before the answer came.")
            raise
        except OutcomeUnknown as error:
            self._own.mark_unknown(order_id, str(error))
            raise
        except CoffeertError as error:
            self._own.refuse(order_id, str(error))
            raise
        self._own.store(order_id, placed)
        return placed

    async def void(self, order_id: UUID) -> PlacedOrder:
        """Append the correction of an order; raises `CoffeertError`."""
        if self._archive is None:
            raise NotFound("A recording takes no orders: nothing can be voided.")
        placed = await self._archive.void(order_id)
        self._own.void(order_id)
        return placed

    def last_voidable(self) -> OrderTrace | None:
        """Return the newest own order that can still be voided."""
        return self._own.last_voidable()

    def repeatable(self) -> Draft | None:
        """Return the last draft placed, without its id, so that placing it makes a new order."""
        newest = self._own.newest()
        return msgspec.structs.replace(newest[0].draft, order_id=None) if newest else None
