"""The view: what a dashboard shows at one version, and the changes from one version to the next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

import msgspec

from coffeert.domain.calendar import Calendars
from coffeert.domain.coverage import Coverage
from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import Cells
from coffeert.domain.watermark import Watermark

RECENT_ORDERS = 50

_recency = attrgetter("placed_at", "order_id.int")  # `Order.recency` in C


class Change(msgspec.Struct, frozen=True):
    """What differs between two versions, as absolute values, so that applying it twice is harmless.

    `cells` has zero for a cell that has become empty, `recent` only the orders that are new in the list.
    """

    retention: RetentionWindow
    data_time: datetime
    cells: Cells
    recent: tuple[Order, ...] = ()

    def then(self, later: Change) -> Change:
        """Merge with the next change: a->b and b->c give a->c."""
        return Change(
            retention=later.retention,
            data_time=later.data_time,
            cells={
                key: totals
                for key, totals in (self.cells | later.cells).items()
                if later.retention.contains(key)
            },
            recent=newest(self.recent + later.recent),
        )


class RollupSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All cells that are kept as of pass `number`, exact for the orders that `watermark` sees.

    `lineage` names the history that pass numbers belong to, `nonce` the term of the pass's leader, `token`
    is that leader's fencing token, `data_time` the moment of the pass's snapshot. `calendars` is `None` if
    it does not come from PostgreSQL. No transaction from `next_xid` on had begun when this was read, if
    that is known. `uncounted` is what `watermark` does not see, if that was asked for, and then `recent`
    includes it.
    """

    lineage: str
    nonce: str
    number: int
    token: int
    watermark: Watermark
    data_time: datetime
    coverage: Coverage
    cells: Cells
    recent: tuple[Order, ...]
    next_xid: int | None = None
    calendars: Calendars | None = None
    uncounted: PendingBatches | None = None


class PassChange(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass changed: the step from the rollups as of `previous` to those as of `watermark`.

    `coverage` says for what time the cells are all that changed; `None` if nothing has.
    """

    lineage: str
    nonce: str
    number: int
    previous: Watermark
    watermark: Watermark
    data_time: datetime
    coverage: Coverage | None
    cells: Cells
    recent: tuple[Order, ...]


class View:
    """The state of one dashboard: the cells, the most recent orders, and how old both are.

    Mutable, so that a change costs as much as it touches and not as much as is shown.
    """

    __slots__ = ("cube", "data_time", "recent")

    def __init__(self, change: Change) -> None:
        self.cube = RollupCube(change.retention)
        self.recent: tuple[Order, ...] = ()
        self.data_time = change.data_time
        self.apply(change)

    def apply(self, change: Change) -> None:
        """Bring the view to the version after the change."""
        self.cube.move_to(change.retention)
        for key, totals in change.cells.items():
            self.cube.set(key, totals)
        self.add_recent(change.recent)
        self.data_time = change.data_time

    def add_recent(self, orders: Iterable[Order]) -> tuple[Order, ...]:
        """Merge orders into the most recent ones; return those that are among them now."""
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
        """Return the change from an empty view to this one."""
        return Change(self.cube.retention, self.data_time, dict(self.cube.cells()), self.recent)


def newest(orders: Iterable[Order]) -> tuple[Order, ...]:
    """Return the most recent orders, newest first, each id once.

    They are ordered by `placed_at` and then by id, so every reader has the same list.
    """
    # Every committed batch passes here; numbers hash and compare far faster than UUIDs.
    recent: dict[int, Order] = {}
    for order in sorted(orders, key=_recency, reverse=True):
        recent.setdefault(order.order_id.int, order)
        if len(recent) == RECENT_ORDERS:
            break
    return tuple(recent.values())
