"""Traces of the viewer's own orders: when each was submitted, committed, on the wire, and rendered."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID

from coffeert.client import PlacedOrder
from coffeert.domain.orders import Draft, Order

OrderStatus = Literal["sent", "unknown", "stored", "refused", "voided"]

MAX_OWN_ORDERS: Final = 200
"""Enough for a 95th percentile."""


@dataclass(frozen=True, slots=True)
class OrderTrace:
    """One own order, and when it got how far, in monotonic seconds.

    `was_unknown`: an earlier attempt ended without an answer.
    """

    draft: Draft
    submitted_at: float
    status: OrderStatus = "sent"
    order: Order | None = None
    reason: str = ""
    was_unknown: bool = False
    replayed: bool = False
    attempts: int = 1
    committed_at: float | None = None
    on_wire_at: float | None = None
    rendered_at: float | None = None

    def after(self, moment: float | None) -> float | None:
        """Return the milliseconds from submission to a moment; `None` if it has not come yet."""
        return None if moment is None else max(0.0, (moment - self.submitted_at) * 1000)

    @property
    def total_ms(self) -> float | None:
        """Milliseconds from the key press to the screen."""
        return self.after(self.rendered_at)


class OwnOrders:
    """The orders placed from this screen, oldest first."""

    __slots__ = ("_orders",)

    def __init__(self) -> None:
        self._orders: OrderedDict[UUID, OrderTrace] = OrderedDict()

    def __contains__(self, order_id: UUID) -> bool:
        return order_id in self._orders

    def __len__(self) -> int:
        return len(self._orders)

    @property
    def awaited(self) -> int:
        """How many orders the feed has not brought yet."""
        return sum(
            own.on_wire_at is None and own.status != "refused" for own in self._orders.values()
        )

    def get(self, order_id: UUID) -> OrderTrace | None:
        return self._orders.get(order_id)

    def by_id(self) -> Mapping[UUID, OrderTrace]:
        """Return a copy of all traces, by order."""
        return dict(self._orders)

    def newest(self) -> list[OrderTrace]:
        """Return all traces, newest first."""
        return list(reversed(self._orders.values()))

    def submit(self, draft: Draft, moment: float) -> None:
        """An order is sent; its draft has an id."""
        assert draft.order_id is not None
        before = self._orders.get(draft.order_id)
        if before is None:
            self._orders[draft.order_id] = OrderTrace(draft, moment)
        elif before.status in ("refused", "unknown"):
            again = replace(
                before, status="sent", reason="", was_unknown=before.status == "unknown"
            )
            self._orders[draft.order_id] = again
        while len(self._orders) > MAX_OWN_ORDERS:
            self._orders.popitem(last=False)

    def store(self, order_id: UUID, placed: PlacedOrder) -> None:
        """The server has answered that the order is committed."""
        self._replace(
            order_id,
            status="stored",
            order=placed.order,
            replayed=placed.replayed,
            attempts=placed.attempts,
            submitted_at=placed.submitted,
            committed_at=placed.committed,
        )

    def refuse(self, order_id: UUID, reason: str) -> None:
        """This attempt did not store the order; after an attempt of unknown outcome it stays unknown."""
        own = self._orders.get(order_id)
        if own is not None:
            self._end(own, order_id, "unknown" if own.was_unknown else "refused", reason)

    def mark_unknown(self, order_id: UUID, reason: str) -> None:
        """Whether the order is stored is unknown until the feed brings it or an attempt is answered."""
        own = self._orders.get(order_id)
        if own is not None:
            self._end(own, order_id, "unknown", reason)

    def void(self, order_id: UUID) -> None:
        """A correction of the order has been stored."""
        self._replace(order_id, status="voided")

    def arrive(self, orders: Iterable[Order], received: float) -> None:
        """The feed brought orders, so they are stored, whatever was known of them before."""
        if self._orders:
            for order in orders:
                own = self._orders.get(order.order_id)
                if own is not None and own.on_wire_at is None:
                    status = "stored" if own.status in ("unknown", "refused") else own.status
                    self._replace(order.order_id, on_wire_at=received, order=order, status=status)

    def mark_rendered(self, order_ids: Iterable[UUID], moment: float) -> None:
        for order_id in order_ids:
            own = self._orders.get(order_id)
            if own is not None and own.on_wire_at is not None and own.rendered_at is None:
                self._replace(order_id, rendered_at=moment)

    def not_rendered(self) -> tuple[UUID, ...]:
        """Return the orders that the feed has brought and that are not on the screen yet."""
        return tuple(
            order_id
            for order_id, own in self._orders.items()
            if own.on_wire_at is not None and own.rendered_at is None
        )

    def last_voidable(self) -> OrderTrace | None:
        """Return the newest order that is stored and not voided yet."""
        return next((own for own in self.newest() if own.status == "stored"), None)

    def percentile(self, part: float) -> float | None:
        """Return a percentile (nearest rank, `part` from 0 to 1) of `total_ms`; `None` without any."""
        known = sorted(ms for own in self._orders.values() if (ms := own.total_ms) is not None)
        if not known:
            return None
        return known[max(1, math.ceil(part * len(known))) - 1]

    def _end(self, own: OrderTrace, order_id: UUID, status: OrderStatus, reason: str) -> None:
        """Note how an attempt without success ended, unless the feed has brought the order by now."""
        seen = own.on_wire_at is not None
        self._replace(order_id, status="stored" if seen else status, reason="" if seen else reason)

    def _replace(self, order_id: UUID, **changes: object) -> None:
        own = self._orders.get(order_id)
        if own is not None:
            self._orders[order_id] = replace(own, **changes)  # type: ignore[arg-type]  # fields by name
