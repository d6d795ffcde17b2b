"""The order log: more of the recent orders than the server repeats, as long as this screen saw them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from coffeert.domain.orders import Order

ORDERS_KEPT: Final = 500
"""What one scrolls through by hand; beyond that the database is the better place to ask."""


class OrderLog:
    """The newest orders by `placed_at`, each once; memory is bounded."""

    __slots__ = ("_orders", "_sorted")

    def __init__(self) -> None:
        self._orders: dict[UUID, Order] = {}
        self._sorted: tuple[Order, ...] | None = ()

    def add(self, orders: Iterable[Order]) -> None:
        """Take in orders, in any order and however often."""
        before = len(self._orders)
        for order in orders:
            self._orders[order.order_id] = order
        if len(self._orders) != before:
            self._sorted = None
            if len(self._orders) > 2 * ORDERS_KEPT:
                self._orders = {order.order_id: order for order in self.newest()}

    def newest(self) -> tuple[Order, ...]:
        """Return the orders kept, newest first."""
        if self._sorted is None:
            ordered = sorted(self._orders.values(), key=lambda o: o.recency, reverse=True)
            self._sorted = tuple(ordered[:ORDERS_KEPT])
        return self._sorted
