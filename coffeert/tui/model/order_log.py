"""Recent orders: more of them than the server repeats in its frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from coffeert.domain.orders import Order

MAX_ORDERS: Final = 500
"""As many as are scrolled through by hand; for more, ask the database."""


class OrderLog:
    """The newest orders by `placed_at`, each once; bounded in memory."""

    __slots__ = ("_orders", "_sorted")

    def __init__(self) -> None:
        self._orders: dict[UUID, Order] = {}
        self._sorted: tuple[Order, ...] | None = ()

    def add(self, orders: Iterable[Order]) -> None:
        """Add orders, in any sequence and however often."""
        before = len(self._orders)
        for order in orders:
            self._orders[order.order_id] = order
        if len(self._orders) != before:
            self._sorted = None
            if len(self._orders) > 2 * MAX_ORDERS:
                self._orders = {order.order_id: order for order in self.newest()}

    def newest(self) -> tuple[Order, ...]:
        """Return the orders, newest first."""
        if self._sorted is None:
            ordered = sorted(self._orders.values(), key=lambda o: o.recency, reverse=True)
            self._sorted = tuple(ordered[:MAX_ORDERS])
        return self._sorted
