"""The view: what a dashboard shows at one version, and the changes that lead from one to the next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

import msgspec

from coffeert.domain.orders import Order
from coffeert.domain.rollups import Cells, RetentionWindow, RollupCube

RECENT_ORDERS = 50

_recency = attrgetter("placed_at", "order_id")  # that is `Order.recency`, without a call


class Change(msgspec.Struct, frozen=True):
    """What differs between two versions, as absolute values, so that applying it twice is harmless.

    `cells` holds zero for a cell that has become empty; `recent` only orders that are new to the list.
    """

    retention: RetentionWindow
    data_time: datetime
    cells: Cells
    recent: tuple[Order, ...] = ()

    def then(self, later: Change) -> Change:
        """Merge with the change that follows: a->b, b->c gives a->c."""
        return Change(
            retention=later.retention,
            data_time=later.data_time,
            cells={
                key: tally
                for key, tally in (self.cells | later.cells).items()
                if later.retention.contains(key.grain, key.bucket)
            },
            recent=newest(self.recent + later.recent),
        )


class View:
    """The state of one dashboard: the picture, the most recent orders, and how old they are.

    Mutable, so that a change costs what it touches and not what is shown.
    """

    __slots__ = ("cube", "data_time", "recent")

    def __init__(self, change: Change) -> None:
        self.cube = RollupCube(change.retention)
        self.recent: tuple[Order, ...] = ()
        self.data_time = change.data_time
        self.apply(change)

    def apply(self, change: Change) -> None:
        """Bring the view to the version the change leads to."""
        self.cube.move_to(change.retention)
        for key, tally in change.cells.items():
            self.cube.set(key, tally)
        self.add_recent(change.recent)
        self.data_time = change.data_time

    def add_recent(self, orders: Iterable[Order]) -> tuple[Order, ...]:
        """Let orders take their places among the most recent ones; return those that did."""
        known = {order.order_id for order in self.recent}
        full = len(self.recent) == RECENT_ORDERS
        added = newest(
            order
            for order in orders
            if order.order_id not in known
            and not (full and order.recency < self.recent[-1].recency)
        )
        if added:
            self.recent = newest((*self.recent, *added))
        return tuple(order for order in added if order.recency >= self.recent[-1].recency)

    def as_change(self) -> Change:
        """Return the change that leads from an empty view to this one."""
        return Change(self.cube.retention, self.data_time, dict(self.cube.cells()), self.recent)


def newest(orders: Iterable[Order]) -> tuple[Order, ...]:
    """Return the most recent orders, newest first, each id once.

    Recent means by `placed_at`; the id breaks ties, so every reader has the same list.
    """
    # Every committed batch passes here: ids as numbers, since UUIDs hash and compare far slower.
    unique = {order.order_id.int: order for order in orders}
    ranked = sorted(unique.values(), key=_recency, reverse=True)
    return tuple(ranked[:RECENT_ORDERS])
