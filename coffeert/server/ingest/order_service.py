"""From a draft to a stored order, the same for HTTP and WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from coffeert.domain.menu import Menu
from coffeert.domain.order_keys import void_key
from coffeert.domain.orders import Draft, Order, Void, new_order_id, resolve
from coffeert.errors import (
    ApiError,
    Conflict,
    DatabaseUnavailable,
    FieldError,
    Invalid,
    NotFound,
    Unavailable,
)
from coffeert.server.ingest.batch_insert import OrderStore, Outcome, PendingOrder, StoredOrder
from coffeert.server.ingest.batch_writer import BatchWriter


class Batch(NamedTuple):
    """Many drafts, completed as far as possible; the keys are their places.

    `voids` are carried out after all `entries` are stored.
    """

    size: int
    unreadable: dict[int, ApiError]
    refused: dict[int, tuple[Draft, Invalid]]
    entries: dict[int, PendingOrder]
    voids: dict[int, Void]


class OrderService:
    """Completes orders from the menu and has them stored; `now` is the database's clock."""

    def __init__(
        self,
        writer: BatchWriter,
        table: OrderStore,
        menu: Callable[[], Menu],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._writer = writer
        self._table = table
        self._menu = menu

    @property
    def places(self) -> int:
        """Decimal places of the currency."""
        return self._menu().places

    async def place(self, draft: Draft) -> StoredOrder:
        """Store one order; raises `ApiError`."""
        try:
            entry = self.entry(draft)
        except Invalid as refusal:
            return _granted((await self._stored_before({0: (draft, refusal)}))[0])
        return _granted((await self.store(entry))[0])

    def entry(self, draft: Draft) -> PendingOrder:
        """Complete an order from the present menu; raises `Invalid`."""
        return _pending(draft, self._menu(), self._now())

    def store(self, entry: PendingOrder) -> asyncio.Future[list[Outcome]]:
        """Have one order stored, as `BatchWriter.submit` does; raises `Unavailable`."""
        return self._writer.submit([entry])

    def batch(self, drafts: Sequence[Draft | Void | ApiError]) -> Batch:
        """Complete many orders from the menu, and set those apart that cannot be stored now."""
        menu, now = self._menu(), self._now()
        batch = Batch(len(drafts), {}, {}, {}, {})
        for index, draft in enumerate(drafts):
            if isinstance(draft, Draft):
                try:
                    batch.entries[index] = _pending(draft, menu, now)
                except Invalid as refusal:
                    batch.refused[index] = draft, refusal.detached()
            elif isinstance(draft, Void):
                batch.voids[index] = draft
            else:
                batch.unreadable[index] = draft
        return batch

    async def place_many(self, batch: Batch) -> list[Outcome]:
        """Store what can be stored of a batch; return the outcome of each draft, in order.

        Raises `Unavailable` if they would wait too long: none was stored.
        """
        if len(batch.entries) == batch.size:  # the usual case
            return await self._writer.submit(list(batch.entries.values())) if batch.size else []
        outcomes: dict[int, Outcome] = {**batch.unreadable}
        if batch.refused:
            outcomes |= await self._stored_before(batch.refused)
        if batch.entries:
            stored = await self._writer.submit(list(batch.entries.values()))
            outcomes |= zip(batch.entries, stored, strict=True)
        if batch.voids:
            outcomes |= await self._void_after(outcomes, batch.voids)
        return [outcomes[index] for index in range(batch.size)]

    async def _stored_before(self, refused: dict[int, tuple[Draft, Invalid]]) -> dict[int, Outcome]:
        """Find drafts that are invalid now, but may have been stored before the menu changed."""
        keys = [draft.order_id for draft, _ in refused.values() if draft.order_id is not None]
        try:
            found = await self._table.find(keys) if keys else {}
            if found:
                await self._table.wait_for_standbys()
        except DatabaseUnavailable as error:
            raise Unavailable("The database cannot be read now.", retry_after=1.0) from error
        outcomes: dict[int, Outcome] = {}
        for index, (draft, refusal) in refused.items():
            stored = found.get(draft.order_id) if draft.order_id is not None else None
            if stored is not None and stored.order.answers(self._in_codes(draft, stored.order)):
                outcomes[index] = StoredOrder(stored.order, replayed=True, key=draft.key)
            else:
                outcomes[index] = refusal
        return outcomes

    def _in_codes(self, draft: Draft, stored: Order) -> Draft:
        """Return a draft with the codes of the stored order if its names, also retired ones, mean them."""
        menu = self._menu()
        return msgspec.structs.replace(
            draft,
            store=stored.store if menu.may_mean_store(draft.store, stored.store) else draft.store,
            drink=stored.drink if menu.may_mean_drink(draft.drink, stored.drink) else draft.drink,
        )

    async def find(self, order_id: UUID) -> Order:
        """Return an order or a void; raises `NotFound`, `Unavailable`."""
        try:
            found = await self._table.find([order_id])
        except DatabaseUnavailable as error:
            raise Unavailable("The database cannot be read now.", retry_after=1.0) from error
        if order_id not in found:
            raise NotFound("No order has this id.")
        return found[order_id].order

    async def void(self, void: Void) -> StoredOrder:
        """Cancel an order by a correction; a second call returns the same correction.

        Raises `NotFound`, `Invalid` (a correction cannot be voided), `Unavailable`.
        """
        return _granted((await self._void_all({0: void}))[0])

    async def _void_after(
        self, outcomes: dict[int, Outcome], voids: dict[int, Void]
    ) -> dict[int, Outcome]:
        """Cancel orders, unless an order of the same batch could not be stored now."""
        before = next((one for one in outcomes.values() if isinstance(one, Unavailable)), None)
        try:
            return await self._void_all(voids) if before is None else dict.fromkeys(voids, before)
        except Unavailable as error:  # the orders are stored all the same
            return dict.fromkeys(voids, error.detached())

    async def _void_all(self, voids: dict[int, Void]) -> dict[int, Outcome]:
        """Cancel orders, each by one correction, however often it is asked for."""
        try:
            found = await self._table.find([void.order_id for void in voids.values()])
        except DatabaseUnavailable as error:
            raise Unavailable("The database cannot be read now.", retry_after=1.0) from error
        outcomes: dict[int, Outcome] = {}
        targets: dict[int, tuple[Void, Order]] = {}
        for index, void in voids.items():
            stored = found.get(void.order_id)
            if stored is None:
                outcomes[index] = NotFound("No order has this id.")
            elif stored.order.voids is not None:
                outcomes[index] = _is_correction()
            else:
                targets[index] = void, stored.order
        # The key follows from the order's, unless something else has taken it.
        for key_of in (void_key, lambda _: new_order_id()):
            corrections = [
                PendingOrder(order.correction(key_of(void.order_id), self._now()), None, void.key)
                for void, order in targets.values()
            ]
            stored_now = await self._writer.submit(corrections) if corrections else []
            outcomes |= zip(targets, stored_now, strict=True)
            targets = {
                index: target
                for index, target in targets.items()
                if isinstance(outcomes[index], Conflict)
            }
        return outcomes


def _pending(draft: Draft, menu: Menu, now: datetime) -> PendingOrder:
    order = resolve(draft, menu, now)
    if order.store != draft.store or order.drink != draft.drink:
        draft = msgspec.structs.replace(draft, store=order.store, drink=order.drink)
    return PendingOrder(order, draft, draft.key)


def _is_correction() -> Invalid:
    return Invalid(
        "A correction cannot be voided.",
        errors=(FieldError("order_id", "is itself a correction"),),
    )


def _granted(outcome: Outcome) -> StoredOrder:
    if isinstance(outcome, ApiError):
        raise outcome
    return outcome
