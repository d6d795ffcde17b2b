"""The odyssey of one's own orders: submitted, committed, on the wire, painted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID

from coffeert.client.placed import PlacedOrder
from coffeert.domain.orders import Draft, Order

OrderStatus = Literal["sent", "unknown", "stored", "refused", "voided"]

OWN_KEPT: Final = 200
"""Enough for percentiles that mean something; memory stays bounded."""


@dataclass(frozen=True, slots=True)
class OrderTrace:
    """One own order and when it passed each station, in monotonic seconds."""

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
        """Return how long after submission a station was passed, in ms."""
        return None if moment is None else max(0.0, (moment - self.submitted_at) * 1000)

    @property
    def total_ms(self) -> float | None:
        """The whole way, from the key press to the screen."""
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
        """How many orders have not come over the wire yet."""
        return sum(
            own.on_wire_at is None and own.status != "refused" for own in self._orders.values()
        )

    def get(self, order_id: UUID) -> OrderTrace | None:
        """Return the odyssey of an order."""
        return self._orders.get(order_id)

    def by_id(self) -> Mapping[UUID, OrderTrace]:
        """Return all as they are now, by order."""
        return dict(self._orders)

    def newest(self) -> list[OrderTrace]:
        """Return all, the newest first."""
        return list(reversed(self._orders.values()))

    def submit(self, draft: Draft, moment: float) -> None:
        """An order leaves; the draft has its id."""
        assert draft.order_id is not None
        before = self._orders.get(draft.order_id)
        if before is None:
            self._orders[draft.order_id] = OrderTrace(draft, moment)
        elif before.status in ("refused", "unknown"):
            again = replace(
                before, status="sent", reason="", was_unknown=before.status == "unknown"
            )
            self._orders[draft.order_id] = again
        while len(self._orders) > OWN_KEPT:
            self._orders.popitem(last=False)

    def store(self, order_id: UUID, placed: PlacedOrder) -> None:
        """The server has said that the order is committed."""
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
        """The order was not stored: by this attempt, at least, should an earlier one be in doubt."""
        own = self._orders.get(order_id)
        if own is not None:
            self._end(own, order_id, "unknown" if own.was_unknown else "refused", reason)

    def mark_unknown(self, order_id: UUID, reason: str) -> None:
        """Nobody knows whether the order is stored; the feed, or another attempt, will tell."""
        own = self._orders.get(order_id)
        if own is not None:
            self._end(own, order_id, "unknown", reason)

    def void(self, order_id: UUID) -> None:
        """The order has been corrected away."""
        self._replace(order_id, status="voided")

    def arrive(self, orders: Iterable[Order], received: float) -> None:
        """Orders came over the wire, so they are stored, whatever was heard of them before."""
        if self._orders:
            for order in orders:
                own = self._orders.get(order.order_id)
                if own is not None and own.on_wire_at is None:
                    status = "stored" if own.status in ("unknown", "refused") else own.status
                    self._replace(order.order_id, on_wire_at=received, order=order, status=status)

    def mark_rendered(self, order_ids: Iterable[UUID], moment: float) -> None:
        """Orders are on the screen."""
        for order_id in order_ids:
            own = self._orders.get(order_id)
            if own is not None and own.on_wire_at is not None and own.rendered_at is None:
                self._replace(order_id, rendered_at=moment)

    def not_rendered(self) -> tuple[UUID, ...]:
        """Return the orders that have come over the wire and are not on the screen yet."""
        return tuple(
            order_id
            for order_id, own in self._orders.items()
            if own.on_wire_at is not None and own.rendered_at is None
        )

    def last_voidable(self) -> OrderTrace | None:
        """Return the newest order that is stored and not voided yet."""
        return next((own for own in self.newest() if own.status == "stored"), None)

    def percentile(self, part: float) -> float | None:
        """Return a percentile (nearest rank) of the whole way, in ms; `None` where nothing is known."""
        known = sorted(ms for own in self._orders.values() if (ms := own.total_ms) is not None)
        if not known:
            return None
        return known[min(len(known) - 1, max(0, -(-int(part * len(known) * 1000) // 1000) - 1))]

    def _end(self, own: OrderTrace, order_id: UUID, status: OrderStatus, reason: str) -> None:
        """Note how an attempt without success ended, unless the order has been seen by now."""
        seen = own.on_wire_at is not None
        self._replace(order_id, status="stored" if seen else status, reason="" if seen else reason)

    def _replace(self, order_id: UUID, **changes: object) -> None:
        own = self._orders.get(order_id)
        if own is not None:
            self._orders[order_id] = replace(own, **changes)  # type: ignore[arg-type]  # fields by name
