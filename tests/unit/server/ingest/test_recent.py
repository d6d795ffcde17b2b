"""What was acknowledged lately is stored again if it is missing, and announced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from coffeert.cancellation import end
from coffeert.domain.orders import Order
from coffeert.domain.watermark import Xid
from coffeert.postgres.orders import BadValue, NotStored
from coffeert.server.ingest import recent
from coffeert.server.ingest.recent import KEPT_SECONDS, RecentAcknowledgements
from tests.unit.server.ingest.scripted_table import ScriptedTable, correction, entry
from tests.waiting import eventually


@asynccontextmanager
async def remembering(
    table: ScriptedTable, *, enabled: bool = True, clock: Callable[[], float] = lambda: 0.0
) -> AsyncIterator[tuple[RecentAcknowledgements, list[Order]]]:
    announced: list[Order] = []

    def on_commit(xid: Xid, orders: Sequence[Order]) -> None:
        announced.extend(orders)

    memory = RecentAcknowledgements(table, on_commit, enabled=enabled, clock=clock)
    task = asyncio.create_task(memory.run())
    try:
        yield memory, announced
    finally:
        await end(task)


def orders(count: int) -> list[Order]:
    return [entry().order for _ in range(count)]


async def test_what_is_missing_is_stored_again_and_announced() -> None:
    table, made = ScriptedTable(), orders(2500)
    async with remembering(table) as (memory, announced):
        for start in range(0, len(made), 100):
            memory.add(made[start : start + 100])
        for order in made[:700]:
            table.rows[order.order_id] = order
        memory.store_again()
        await eventually(lambda: memory.restored == 1800)
        assert table.rows == {order.order_id: order for order in made}
        assert sorted(o.order_id for o in announced) == sorted(o.order_id for o in made[700:])
        memory.store_again()
        await eventually(lambda: len(table.batches) == 6)
        assert memory.restored == 1800


async def test_an_outage_does_not_use_up_the_time_for_which_orders_are_kept() -> None:
    now = 0.0
    async with remembering(ScriptedTable(), clock=lambda: now) as (memory, _):
        memory.add(orders(3))
        now += 10 * KEPT_SECONDS
        memory.add(orders(1))
        assert len(memory) == 4
        while now < 11 * KEPT_SECONDS + 1:
            now += 1
            memory.add(orders(1))
        assert len(memory) == KEPT_SECONDS + 1


async def test_no_more_orders_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MAX_ORDERS", 100)
    async with remembering(ScriptedTable()) as (memory, _):
        for _ in range(50):
            memory.add(orders(7))
        assert len(memory) == 98


async def test_a_correction_waits_for_its_order_which_another_server_stores_again() -> None:
    table, sold = ScriptedTable(), entry().order
    voiding = correction(sold).order

    def check_reference(given: Sequence[Order]) -> None:
        present = table.rows.keys() | {order.order_id for order in given}
        if any(order.voids is not None and order.voids not in present for order in given):
            raise BadValue("violates foreign key constraint")

    table.before = check_reference
    async with remembering(table) as (memory, _):
        others = orders(3)
        memory.add([*others, voiding])
        memory.store_again()
        await eventually(lambda: memory.restored == len(others))
        table.rows[sold.order_id] = sold
        await eventually(lambda: voiding.order_id in table.rows)


async def test_a_database_that_is_away_is_waited_for() -> None:
    table, made = ScriptedTable(), orders(3)

    def refuse(given: Sequence[Order]) -> None:
        raise NotStored("away")

    table.before = refuse
    async with remembering(table) as (memory, _):
        memory.add(made)
        memory.store_again()
        await asyncio.sleep(0)
        table.before = lambda given: None
        await eventually(lambda: memory.restored == 3)


async def test_switched_off_nothing_is_kept_or_stored() -> None:
    table = ScriptedTable()
    async with remembering(table, enabled=False) as (memory, _):
        memory.add(orders(3))
        memory.store_again()
        await asyncio.sleep(0)
        assert len(memory) == 0
        assert not table.batches
