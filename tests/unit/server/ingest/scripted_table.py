"""A table in memory for the parts that store orders, and orders to store in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from datetime import UTC, datetime
from uuid import UUID

from coffeert.domain.orders import Draft, Order, new_order_id
from coffeert.domain.watermark import Xid
from coffeert.errors import DatabaseUnavailable
from coffeert.postgres.orders import Inserted, Stored
from coffeert.server.ingest.batch_insert import PendingOrder

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class ScriptedTable:
    """A table in memory whose inserts can be made to fail or to wait, as the real one's can."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Order] = {}
        self.batches: list[list[Order]] = []
        self.xids: dict[UUID, Xid] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.before: Callable[[Sequence[Order]], None] = lambda orders: None
        self.after: Callable[[Sequence[Order]], None] = lambda orders: None
        self.find_fails = False

    async def insert(self, orders: Sequence[Order]) -> Inserted:
        await self.open.wait()
        self.before(orders)
        assert [o.order_id for o in orders] == sorted({o.order_id for o in orders})
        self.batches.append(list(orders))
        new = []
        for order in orders:
            voided = {row.voids for row in self.rows.values()} - {None}
            if order.order_id not in self.rows and order.voids not in voided:
                self.rows[order.order_id] = order
                new.append(order)
        self.xids |= {order.order_id: Xid(len(self.batches)) for order in new}
        self.after(orders)
        return Inserted(Xid(len(self.batches)), len(new))

    async def find(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        if self.find_fails:
            raise DatabaseUnavailable("PostgreSQL cannot be read.")
        return {
            key: Stored(copy(self.rows[key]), self.xids.get(key, Xid(0)))
            for key in order_ids
            if key in self.rows
        }

    async def find_voids(self, order_ids: Sequence[UUID]) -> dict[UUID, Stored]:
        voids = [row.order_id for row in self.rows.values() if row.voids in order_ids]
        found = await self.find(voids)
        return {stored.order.voids: stored for stored in found.values() if stored.order.voids}

    async def wait_for_standbys(self) -> None:
        return


def entry(store: str = "uptown", key: UUID | None = None, price: int = 450) -> PendingOrder:
    draft = Draft(store, "latte", order_id=key or new_order_id(), price_cents=price)
    assert draft.order_id is not None
    return PendingOrder(Order(draft.order_id, store, "latte", 1, price, NOW, NOW), draft)


def correction(voided: Order, key: UUID | None = None) -> PendingOrder:
    return PendingOrder(voided.correction(key or new_order_id(), NOW), None)
