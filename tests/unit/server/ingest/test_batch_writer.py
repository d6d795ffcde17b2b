"""Every caller gets its own outcomes, whatever happens to the batch that its orders are part of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from coffeert.domain.orders import Order, new_order_id
from coffeert.domain.watermark import Xid
from coffeert.errors import (
    ApiError,
    Conflict,
    Invalid,
    KeyContended,
    OutcomeUnknown,
    Unavailable,
)
from coffeert.postgres.orders import (
    BadValue,
    CommitUnknown,
    Inserted,
    InsertRefused,
    KeyLocked,
    NotStored,
)
from coffeert.server.ingest import batch_writer
from coffeert.server.ingest.admission import Admission
from coffeert.server.ingest.batch_insert import Outcome, PendingOrder, StoredOrder
from coffeert.server.ingest.batch_writer import BatchWriter, ContendedKeys
from tests.unit.server.ingest.scripted_table import ScriptedTable, correction, entry
from tests.waiting import WITHIN, eventually


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


async def test_a_refusal_is_an_obstacle_until_a_commit_or_for_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(orders: Sequence[Order]) -> None:
        raise failure

    table = ScriptedTable()
    failure = NotStored("PostgreSQL cannot be reached.")
    async with running(table) as (writer, _):
        table.before = refuse
        assert isinstance(await submit(writer, entry()), Unavailable)
        assert writer.obstacle() is None, "the probe tells that, and sees it end"
        failure = InsertRefused("The disk is full.")
        assert isinstance(await submit(writer, entry()), Unavailable)
        assert writer.obstacle() == "The disk is full"
        with monkeypatch.context() as later:
            later.setattr(batch_writer, "REFUSED_SECONDS", 0)
            assert writer.obstacle() is None, "though no order came"
        table.before = lambda orders: None
        assert isinstance(await submit(writer, entry()), StoredOrder)
        assert writer.obstacle() is None


async def test_a_refusal_after_an_unknown_commit_is_an_obstacle_too() -> None:
    failures: list[Exception] = [CommitUnknown("gone"), *[InsertRefused("full")] * 3]

    def refuse(orders: Sequence[Order]) -> None:
        raise failures.pop(0)

    table = ScriptedTable()
    async with running(table) as (writer, _):
        table.before = refuse
        assert isinstance(await submit(writer, entry()), OutcomeUnknown)
        assert writer.obstacle() == "full"


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


async def test_a_second_batch_starts_once_the_first_has_become_slow_by_time_alone() -> None:
    """No further order and no commit tells that the running one is slow; the other writer is idle."""
    table, now = ScriptedTable(), 0.0
    async with running(table, writers=2, clock=lambda: now) as (writer, _):
        table.open.clear()
        orders = [submit(writer, entry())]
        await eventually(lambda: writer.admission.busy)
        orders.append(submit(writer, entry()))
        await eventually(lambda: writer.admission.queued == 1)
        now = 3.0
        await eventually(lambda: writer.admission.queued == 0)
        table.open.set()
        await asyncio.gather(*orders)
        assert [len(batch) for batch in table.batches] == [1, 1]


def lock(table: ScriptedTable, *keys: UUID) -> set[UUID]:
    """Let another transaction hold keys; those left in the set are still held."""
    held = set(keys)

    def refuse(orders: Sequence[Order]) -> None:
        if any(order.order_id in held for order in orders):
            raise KeyLocked("an open transaction holds a key")

    table.before = refuse
    return held


async def test_a_key_that_is_held_is_refused_alone_and_then_tried_apart() -> None:
    table = ScriptedTable()
    contended = entry()
    held = lock(table, contended.order.order_id)
    async with running(table, writers=1) as (writer, commits):
        entries = [contended, *(entry() for _ in range(15))]
        refused, *stored = await writer.submit(entries)
        assert isinstance(refused, KeyContended)
        assert refused.retry_after
        assert all(isinstance(outcome, StoredOrder) for outcome in stored)
        assert sum(len(orders) for _, orders in commits) == len(table.rows) == 15
        table.batches.clear()
        # Again, while the database does not answer those who ask for that key.
        answers, insert = asyncio.Event(), table.insert

        async def slow(orders: Sequence[Order]) -> Inserted:
            if contended.order in orders:
                await answers.wait()
            return await insert(orders)

        table.insert = slow  # type: ignore[method-assign]  # only this key waits
        again = [submit(writer, contended) for _ in range(5)]
        async with asyncio.timeout(WITHIN):
            others = [await one(writer.submit([entry()])) for _ in range(5)]
        assert all(isinstance(outcome, StoredOrder) for outcome in others)
        assert not any(task.done() for task in again)
        answers.set()
        assert all(isinstance(outcome, KeyContended) for outcome in await asyncio.gather(*again))
        held.clear()
        assert isinstance(await one(writer.submit([contended])), StoredOrder)
        table.insert = insert  # type: ignore[method-assign]
        assert not writer._contended_keys


async def test_closing_answers_orders_that_are_tried_apart_too() -> None:
    table = ScriptedTable()
    contended = entry()
    lock(table, contended.order.order_id)
    async with running(table) as (writer, _):
        assert isinstance(await one(writer.submit([contended])), KeyContended)
        table.open.clear()
        again = [submit(writer, contended) for _ in range(3)]
        again[0].cancel()
        await asyncio.wait(again[:1])
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        assert not closing.done()
        table.open.set()
        await closing
        assert all(task.done() for task in again)


async def test_no_more_orders_wait_for_held_keys_than_one_batch_has() -> None:
    table = ScriptedTable()
    contended = entry()
    lock(table, contended.order.order_id)
    async with running(table, rows=4) as (writer, _):
        assert isinstance(await one(writer.submit([contended])), KeyContended)
        for _ in range(4):
            writer.submit([contended])
        with pytest.raises(Unavailable):
            writer.submit([contended])
        assert isinstance(await one(writer.submit([entry()])), StoredOrder)


async def test_splitting_a_batch_of_many_held_keys_ends() -> None:
    table = ScriptedTable()
    entries = [entry() for _ in range(1000)]
    lock(table, *(pending.order.order_id for pending in entries))
    attempts = [0]
    refuse = table.before

    def slow(orders: Sequence[Order]) -> None:
        attempts[0] += 1
        time.sleep(0.02)
        refuse(orders)

    table.before = slow
    async with running(table, rows=1000) as (writer, _):
        outcomes = await writer.submit(entries)
    assert all(isinstance(outcome, KeyContended) for outcome in outcomes)
    assert attempts[0] < 60


def test_a_held_key_is_forgotten_after_a_minute() -> None:
    now = 0.0
    keys = ContendedKeys(lambda: now)
    old, new = entry(), entry()
    keys.note([old], [KeyContended("held")])
    now = 30.0
    keys.note([new], [KeyContended("held")])
    assert keys.any_of([entry(), old])
    now = 61.0
    assert not keys.any_of([old])
    assert keys.any_of([new])
    keys.note([entry()], [KeyContended("held")])
    assert len(keys) == 2
    keys.note([new], [StoredOrder(new.order, replayed=True)])
    assert not keys.any_of([new])


async def test_a_correction_is_found_by_what_it_voids() -> None:
    table = ScriptedTable()
    sold = entry().order
    async with running(table) as (writer, commits):
        first, second = await writer.submit([correction(sold), correction(sold)])
        assert isinstance(first, StoredOrder)
        assert isinstance(second, StoredOrder)
        assert {first.replayed, second.replayed} == {False, True}
        assert first.order == second.order
        assert sum(len(orders) for _, orders in commits) == len(table.rows) == 1
        again = await one(writer.submit([correction(sold)]))
        assert again == StoredOrder(first.order, replayed=True)
        taken = entry()
        await writer.submit([taken])
        conflict = await one(writer.submit([correction(entry().order, taken.order.order_id)]))
        assert isinstance(conflict, Conflict)


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


async def test_a_commit_of_unknown_outcome_is_repeated_and_announced_once() -> None:
    """Looking the keys up is not enough: what is visible need not be on the standby yet."""
    table = ScriptedTable()
    broken = [True]

    def break_off(orders: Sequence[Order]) -> None:
        if broken:
            broken.pop()
            raise CommitUnknown("gone")

    table.after = break_off
    async with running(table) as (writer, commits):
        first, second = await writer.submit([entry(), entry()])
        assert isinstance(first, StoredOrder)
        assert isinstance(second, StoredOrder)
        assert {first.replayed, second.replayed} == {False}
        assert [len(batch) for batch in table.batches] == [2, 2]
        # By the transaction that stored them, not by the one that found them stored.
        assert [(xid, len(orders)) for xid, orders in commits] == [(Xid(1), 2)]


async def test_an_order_is_unknown_if_the_insert_cannot_be_repeated() -> None:
    table = ScriptedTable()
    failures: list[Exception] = [CommitUnknown("gone"), CommitUnknown("gone again")]
    failures += [CommitUnknown("gone"), *(NotStored("away") for _ in range(3))]

    def fail(orders: Sequence[Order]) -> None:
        raise failures.pop(0)

    table.after = fail
    async with running(table) as (writer, commits):
        for _ in range(2):
            assert isinstance(await one(writer.submit([entry()])), OutcomeUnknown)
        assert not failures
        assert not commits


async def test_what_others_stored_is_not_announced_after_a_broken_commit() -> None:
    table = ScriptedTable()
    taken, fresh = entry(), entry()
    stored = replace(taken.order, received_at=datetime(2026, 2, 1, tzinfo=UTC))
    table.rows[taken.order.order_id] = stored
    broken = [True]

    def break_off(orders: Sequence[Order]) -> None:
        if broken:
            broken.pop()
            raise CommitUnknown("gone")

    table.after = break_off
    async with running(table) as (writer, commits):
        outcomes = await writer.submit([taken, fresh])
        assert [o.replayed for o in outcomes if isinstance(o, StoredOrder)] == [True, False]
        assert commits == [(Xid(1), [fresh.order])]


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


async def test_whatever_was_answered_as_stored_is_passed_on_as_acknowledged() -> None:
    table, acknowledged = ScriptedTable(), list[Order]()
    refused, stored, fresh = entry("bad"), entry(), entry()
    table.rows[stored.order.order_id] = stored.order

    def refuse(orders: Sequence[Order]) -> None:
        if any(order.store == "bad" for order in orders):
            raise BadValue("invalid byte sequence")

    table.before = refuse
    async with running(table) as (writer, _):
        writer._on_acknowledged = acknowledged.extend
        await writer.submit([refused, stored, fresh])
        await eventually(lambda: len(acknowledged) == 2)
    assert acknowledged == [stored.order, fresh.order]


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
