"""Every caller gets its own outcomes, whatever happens to the batch that its orders are part of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.orders import Draft, Order, new_order_id
from coffeert.domain.watermark import Xid
from coffeert.errors import (
    ApiError,
    Conflict,
    DatabaseUnavailable,
    Invalid,
    OutcomeUnknown,
    Unavailable,
)
from coffeert.postgres.orders import BadValue, CommitUnknown, Inserted, NotStored, Stored
from coffeert.server.ingest.admission import Admission
from coffeert.server.ingest.batch_writer import BatchWriter, Outcome, PendingOrder, StoredOrder
from tests.waiting import eventually

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
        new = [order for order in orders if order.order_id not in self.rows]
        self.rows |= {order.order_id: order for order in new}
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


def entry(store: str = "uptown", key: UUID | None = None, price: int = 450) -> PendingOrder:
    draft = Draft(store, "latte", order_id=key or new_order_id(), price_cents=price)
    assert draft.order_id is not None
    return PendingOrder(Order(draft.order_id, store, "latte", 1, price, NOW, NOW), draft)


@asynccontextmanager
async def running(
    table: ScriptedTable,
    *,
    rows: int = 100,
    writers: int = 1,
    wait_limit: float = 5,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[tuple[BatchWriter, list[tuple[Xid, Sequence[Order]]]]]:
    commits: list[tuple[Xid, Sequence[Order]]] = []
    admission = Admission(wait_limit=wait_limit, batch_rows=rows, writers=writers, clock=clock)
    writer = BatchWriter(
        table,
        admission,
        batch_rows=rows,
        writers=writers,
        on_commit=lambda xid, orders: commits.append((xid, orders)),
    )
    task = asyncio.create_task(writer.run())
    try:
        yield writer, commits
    finally:
        task.cancel()
        await asyncio.wait([task])


async def one(waiting: Awaitable[list[Outcome]]) -> Outcome:
    (outcome,) = await waiting
    return outcome


def submit(writer: BatchWriter, entry: PendingOrder) -> asyncio.Task[Outcome]:
    async def placed() -> Outcome:
        return await one(writer.submit([entry]))

    return asyncio.create_task(placed())


async def test_orders_queued_during_a_commit_become_the_next_batch() -> None:
    table = ScriptedTable()
    async with running(table) as (writer, commits):
        table.open.clear()
        first = submit(writer, entry())
        await eventually(lambda: writer.admission.busy)
        rest = [submit(writer, entry()) for _ in range(20)]
        await eventually(lambda: writer.admission.queued == 20)
        table.open.set()
        outcomes = await asyncio.gather(first, *rest)
        assert [len(batch) for batch in table.batches] == [1, 20]
        assert all(isinstance(o, StoredOrder) and not o.replayed for o in outcomes)
        assert sum(len(orders) for _, orders in commits) == 21


async def test_with_many_orders_a_second_batch_starts_beside_the_first() -> None:
    table = ScriptedTable()
    async with running(table, rows=20, writers=2, clock=lambda: 0.0) as (writer, _):
        table.open.clear()
        orders = [submit(writer, entry())]
        await eventually(lambda: writer.admission.busy)
        orders += [submit(writer, entry()) for _ in range(19)]
        await eventually(lambda: writer.admission.queued == 19)
        orders += [submit(writer, entry())]
        await eventually(lambda: writer.admission.queued == 0)
        table.open.set()
        await asyncio.gather(*orders)
        assert [len(batch) for batch in table.batches] == [1, 20]


async def test_a_second_batch_starts_beside_a_slow_first_one() -> None:
    table = ScriptedTable()
    now = 0.0
    async with running(table, writers=2, clock=lambda: now) as (writer, _):
        table.open.clear()
        orders = [submit(writer, entry())]
        await eventually(lambda: writer.admission.busy)
        orders += [submit(writer, entry())]
        await eventually(lambda: writer.admission.queued == 1)
        now = 0.02
        orders += [submit(writer, entry())]
        await eventually(lambda: writer.admission.queued == 0)
        table.open.set()
        await asyncio.gather(*orders)
        assert [len(batch) for batch in table.batches] == [1, 2]


async def test_one_key_twice_in_a_batch_is_one_order() -> None:
    table = ScriptedTable()
    key = new_order_id()
    async with running(table) as (writer, _):
        same, again, other = await writer.submit(
            [entry(key=key), entry(key=key), entry(key=key, price=1)]
        )
        assert isinstance(same, StoredOrder)
        assert not same.replayed
        assert isinstance(again, StoredOrder)
        assert again.replayed
        assert again.order == same.order
        assert isinstance(other, Conflict)
        assert len(table.rows) == 1


async def test_a_bad_value_is_refused_alone() -> None:
    table = ScriptedTable()

    def refuse(orders: Sequence[Order]) -> None:
        if any(order.store == "bad" for order in orders):
            raise BadValue("invalid byte sequence")

    table.before = refuse
    entries = [entry("bad" if n in (3, 11) else "uptown") for n in range(16)]
    async with running(table) as (writer, commits):
        outcomes = await writer.submit(entries)
        assert [n for n, o in enumerate(outcomes) if isinstance(o, Invalid)] == [3, 11]
        assert sum(isinstance(o, StoredOrder) for o in outcomes) == 14
        assert sum(len(orders) for _, orders in commits) == len(table.rows) == 14


async def test_a_commit_of_unknown_outcome_is_looked_up() -> None:
    table = ScriptedTable()

    def break_off(orders: Sequence[Order]) -> None:
        raise CommitUnknown("gone")

    table.after = break_off
    async with running(table) as (writer, _):
        found = await one(writer.submit([entry()]))
        assert isinstance(found, StoredOrder)
        table.find_fails = True
        unknown = await one(writer.submit([entry()]))
        assert isinstance(unknown, OutcomeUnknown)


async def test_orders_that_cannot_be_read_after_a_commit_are_unknown_and_can_be_sent_again() -> (
    None
):
    table = ScriptedTable()
    taken, fresh = entry(), entry()
    table.rows[taken.order.order_id] = taken.order
    table.find_fails = True
    async with running(table) as (writer, commits):
        outcomes = await writer.submit([fresh, taken])
        assert all(isinstance(outcome, OutcomeUnknown) for outcome in outcomes)
        assert not commits
        table.find_fails = False
        again = await writer.submit([fresh, taken])
        assert [o.replayed for o in again if isinstance(o, StoredOrder)] == [True, True]


async def test_the_new_orders_of_a_mixed_batch_are_separated_from_the_replayed() -> None:
    table = ScriptedTable()
    taken = entry()
    async with running(table) as (writer, commits):
        await writer.submit([taken])
        new, repeated = await writer.submit([entry(), taken])
        assert isinstance(new, StoredOrder)
        assert not new.replayed
        assert isinstance(repeated, StoredOrder)
        assert repeated.replayed
        assert [len(orders) for _, orders in commits] == [1, 1]


@pytest.mark.parametrize("error", [NotStored("away"), RuntimeError("a defect")])
async def test_a_failing_batch_answers_every_caller_and_the_writer_goes_on(
    error: Exception,
) -> None:
    table = ScriptedTable()

    def fail(orders: Sequence[Order]) -> None:
        raise error

    table.before = fail
    async with running(table) as (writer, commits):
        outcomes = await asyncio.gather(*(submit(writer, entry()) for _ in range(5)))
        assert all(isinstance(o, Unavailable) and o.retry_after for o in outcomes)
        assert not commits
        table.before = lambda orders: None
        assert isinstance(await one(writer.submit([entry()])), StoredOrder)


async def test_an_order_cancelled_while_queued_is_not_stored() -> None:
    table = ScriptedTable()
    async with running(table) as (writer, _):
        table.open.clear()
        sent = submit(writer, entry())
        await eventually(lambda: writer.admission.busy)
        gone, stays = submit(writer, entry("gone")), submit(writer, entry("stays"))
        await eventually(lambda: writer.admission.queued == 2)
        gone.cancel()
        sent.cancel()
        await asyncio.wait([gone, sent])
        table.open.set()
        assert isinstance(await stays, StoredOrder)
        # The first was sent to PostgreSQL already, so it is stored although its caller has gone.
        assert sorted(order.store for order in table.rows.values()) == ["stays", "uptown"]


async def test_beyond_the_predicted_wait_orders_are_refused_at_once() -> None:
    table = ScriptedTable()
    async with running(table, rows=10, wait_limit=0.01) as (writer, _):
        table.open.clear()
        first = submit(writer, entry())
        await eventually(lambda: writer.admission.predicted_wait() > 0.01)
        with pytest.raises(Unavailable) as refused:
            writer.submit([entry()])
        assert refused.value.retry_after
        assert writer.admission.shed == 1
        table.open.set()
        assert isinstance(await first, StoredOrder)


async def test_closing_answers_queued_orders_and_refuses_further_ones() -> None:
    table = ScriptedTable()
    async with running(table, rows=3) as (writer, _):
        table.open.clear()
        queued = [submit(writer, entry()) for _ in range(10)]
        await eventually(lambda: writer.admission.busy)
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            writer.submit([entry()])
        table.open.set()
        await closing
        assert all(task.done() for task in queued)
        assert len(table.rows) == 10


async def test_a_failing_on_commit_does_not_end_the_writer() -> None:
    table = ScriptedTable()
    async with running(table) as (writer, _):

        def fail(xid: Xid, orders: Sequence[Order]) -> None:
            raise RuntimeError("a defect")

        writer._on_commit = fail
        assert isinstance(await one(writer.submit([entry()])), StoredOrder)
        assert isinstance(await one(writer.submit([entry()])), StoredOrder)


@given(
    keys=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 2)), min_size=1, max_size=30),
    rows=st.integers(1, 10),
    cuts=st.lists(st.integers(1, 5), max_size=10),
)
def test_answers_do_not_depend_on_how_orders_were_grouped(
    keys: list[tuple[int, int]], rows: int, cuts: list[int]
) -> None:
    entries = [entry(key=UUID(int=key), price=price) for key, price in keys]

    async def answers(groups: list[list[PendingOrder]], batch_rows: int) -> list[object]:
        async with running(ScriptedTable(), rows=batch_rows) as (writer, _):
            outcomes = [o for group in groups for o in await writer.submit(group)]
        return [
            o.status if isinstance(o, ApiError) else (o.replayed, o.order.price_cents)
            for o in outcomes
        ]

    groups, rest = [], entries
    for cut in cuts:
        groups.append(rest[:cut])
        rest = rest[cut:]
    groups = [group for group in (*groups, rest) if group]

    singly = asyncio.run(answers([[e] for e in entries], 1))
    assert asyncio.run(answers([entries], 100)) == singly
    assert asyncio.run(answers(groups, rows)) == singly
