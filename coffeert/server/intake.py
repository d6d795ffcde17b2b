"""Intake: from what a client asks for to an order that is stored, whatever carried the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from coffeert.errors import (
    DatabaseUnavailable,
    FieldError,
    Invalid,
    NotFound,
    RequestRefused,
    Unavailable,
)
from coffeert.menu import Menu
from coffeert.order import Draft, resolve
from coffeert.server.batch_writer import BatchWriter, Entry, Outcome, Placed, Table

_VOIDS = UUID("6f8e9d0e-2f0b-5c1a-9f51-0c0ffee00001")


class Intake:
    """Completes orders from the menu and has them stored; HTTP and WebSocket share it."""

    def __init__(self, writer: BatchWriter, table: Table, menu: Callable[[], Menu]) -> None:
        self._writer = writer
        self._table = table
        self._menu = menu

    async def place(self, draft: Draft) -> Placed:
        """Store one order; raises `RequestRefused` of the kind that applies."""
        order = resolve(draft, self._menu(), datetime.now(UTC))
        return _granted((await self._writer.submit([Entry(order, draft)]))[0])

    async def place_many(self, drafts: Sequence[Draft | RequestRefused]) -> list[Outcome]:
        """Store the acceptable ones of many orders as one batch and tell what became of each.

        Raises `Unavailable` where there is no room for them: none was stored.
        """
        menu, now = self._menu(), datetime.now(UTC)
        outcomes: list[Outcome | None] = []
        entries: list[Entry] = []
        for draft in drafts:
            if isinstance(draft, RequestRefused):
                outcomes.append(draft)
                continue
            try:
                entries.append(Entry(resolve(draft, menu, now), draft))
                outcomes.append(None)
            except Invalid as error:
                outcomes.append(error)
        stored = iter(await self._writer.submit(entries) if entries else ())
        return [next(stored) if outcome is None else outcome for outcome in outcomes]

    async def void(self, order_id: UUID) -> Placed:
        """Cancel an order by a correction; doing so again answers the same correction.

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
        # The correction's key follows from the order's, so an order can be voided only once.
        correction = order.correction(uuid5(_VOIDS, str(order_id)), datetime.now(UTC))
        return _granted((await self._writer.submit([Entry(correction, None)]))[0])


def _granted(outcome: Outcome) -> Placed:
    if isinstance(outcome, RequestRefused):
        raise outcome
    return outcome
