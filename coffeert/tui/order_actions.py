"""The till: places and voids orders, and keeps account of each in the session."""

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec

from coffeert.client import PlacedOrder
from coffeert.domain.orders import Draft, new_order_id
from coffeert.errors import CoffeertError, NotFound, OutcomeUnknown
from coffeert.tui.model.session import Session
from coffeert.tui.model.source import Archive, Feed


class Till:
    """Sends what the viewer orders. Errors are noted with the order, and raised on."""

    def __init__(self, session: Session, feed: Feed, archive: Archive | None) -> None:
        self._session = session
        self._feed = feed
        self._archive = archive

    async def place(self, draft: Draft) -> PlacedOrder:
        """Place an order over the feed's connection; raises `CoffeertError`.

        The draft's id is its idempotency key: placing the same draft again never makes two orders.
        """
        order_id = draft.order_id or new_order_id()
        draft = msgspec.structs.replace(draft, order_id=order_id)
        self._session.own.submit(draft, self._session.clock.monotonic())
        try:
            placed = await self._feed.place(draft)
        except asyncio.CancelledError:
            self._session.own.doubt(order_id, "The form was closed before the answer came.")
            raise
        except OutcomeUnknown as error:
            self._session.own.doubt(order_id, str(error))
            raise
        except CoffeertError as error:
            self._session.own.refuse(order_id, str(error))
            raise
        finally:
            self._session.revision += 1
        self._session.own.store(order_id, placed)
        return placed

    async def void(self, order_id: UUID) -> PlacedOrder:
        """Append the correction of an order; raises `CoffeertError`."""
        if self._archive is None:
            raise NotFound("A recording has no till: nothing can be voided.")
        placed = await self._archive.void(order_id)
        self._session.own.void(order_id)
        self._session.revision += 1
        return placed

    def last_voidable(self) -> UUID | None:
        """Return the newest own order that can still be voided."""
        own = self._session.own.last_voidable()
        return None if own is None or own.order is None else own.order.order_id

    def repeatable(self) -> Draft | None:
        """Return the last draft placed, without its id, to be placed once more."""
        newest = self._session.own.newest()
        return msgspec.structs.replace(newest[0].draft, order_id=None) if newest else None
