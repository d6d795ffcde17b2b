"""From a draft to a stored order, the same for HTTP and WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from coffeert.domain.menu import Menu
from coffeert.domain.order_keys import void_key
from coffeert.domain.orders import Draft, new_order_id, resolve
from coffeert.errors import (
    ApiError,
    Conflict,
    DatabaseUnavailable,
    FieldError,
    Invalid,
    NotFound,
    Unavailable,
)
from coffeert.server.ingest.batch_insert import Outcome, PendingOrder, StoredOrder, Table
from coffeert.server.ingest.batch_writer import BatchWriter


class Batch(NamedTuple):
    """Many drafts, completed as far as possible; the keys are their places."""

    size: int
    unreadable: dict[int, ApiError]
    refused: dict[int, tuple[Draft, Invalid]]
    entries: dict[int, PendingOrder]


class OrderService:
    """Completes orders from the menu and has them stored; `now` is the database's clock."""

    def __init__(
        self,
        writer: BatchWriter,
        table: Table,
        menu: Callable[[], Menu],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._writer = writer
        self._table = table
        self._menu = menu

    async def place(self, draft: Draft) -> StoredOrder:
        """Store one order; raises `ApiError`."""
        try:
            entry = self.entry(draft)
        except Invalid as refusal:
            return _granted((await self._stored_before({0: (draft, refusal)}))[0])
        return _granted((await self.store(entry))[0])

    def entry(self, draft: Draft) -> PendingOrder:
        """Complete an order from the present menu; raises `Invalid`."""
        return PendingOrder(resolve(draft, self._menu(), self._now()), draft)

    def store(self, entry: PendingOrder) -> asyncio.Future[list[Outcome]]:
        """Have one order stored, as `BatchWriter.submit` does; raises `Unavailable`."""
        return self._writer.submit([entry])

    def batch(self, drafts: Sequence[Draft | ApiError]) -> Batch:
        """Complete many orders from the menu, and set those apart that cannot be stored now."""
        menu, now = self._menu(), self._now()
        batch = Batch(len(drafts), {}, {}, {})
        for index, draft in enumerate(drafts):
            if isinstance(draft, ApiError):
                batch.unreadable[index] = draft
                continue
            try:
                batch.entries[index] = PendingOrder(resolve(draft, menu, now), draft)
            except Invalid as refusal:
                batch.refused[index] = draft, refusal.detached()
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
            if stored is not None and stored.order.answers(draft):
                outcomes[index] = StoredOrder(stored.order, replayed=True)
            else:
                outcomes[index] = refusal
        return outcomes

    async def void(self, order_id: UUID) -> StoredOrder:
        """Cancel an order by a correction; a second call returns the same correction.

        Raises `NotFound`, `Invalid` (a correction cannot be voided), `Unavailable`.
        """
        try:
            stored = (await self._table.find([order_id])).get(order_id)
        except DatabaseUnavailable as error:
            raise Unavailable("The database cannot be read now.", retry_after=1.0) from error
        if stored is None:
            raise NotFound("No order has this id.")
        order = stored.order
        if order.voids is not None:
            raise Invalid(
                "A correction cannot be voided.",
                errors=(FieldError("order_id", "is itself a correction"),),
            )
        # The key follows from the order's, unless something else has taken it.
        for key in (void_key(order_id), new_order_id()):
            correction = order.correction(key, self._now())
            (outcome,) = await self._writer.submit([PendingOrder(correction, None)])
            if not isinstance(outcome, Conflict):
                break
        return _granted(outcome)


def _granted(outcome: Outcome) -> StoredOrder:
    if isinstance(outcome, ApiError):
        raise outcome
    return outcome
