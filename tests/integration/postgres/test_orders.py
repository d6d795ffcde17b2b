"""Orders come back from the table as they went in, whatever their codes are made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Order
from coffeert.errors import DatabaseUnavailable
from coffeert.postgres.orders import CommitUnknown, KeyLocked, OrderRepository
from coffeert.postgres.pool import Connection, open_pool
from tests.order_book import insert, order, void

# What PostgreSQL can hold: text without NUL and without halves of surrogate pairs.
codes = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
moments = st.integers(946_684_800_000_000, 4_102_444_799_999_999).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
orders = st.builds(
    Order,
    order_id=st.builds(uuid4),
    store=codes,
    drink=codes | st.sampled_from(['a"b', "a\\b", "{a,b}", "null", "NULL", " ", "a\nb", "\\", '"']),
    quantity=st.integers(1, 99),
    price_cents=st.integers(0, 100_000_000),
    placed_at=moments,
    received_at=moments,
)

_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
_END_KEPT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kept'"
_END = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted"


@pytest.mark.long
@given(batch=st.lists(orders, min_size=1, max_size=8))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_stored_is_what_is_found(database_url: str, batch: list[Order]) -> None:
    async def check() -> None:
        pool = await open_pool(database_url, size=2, application_name="test")
        try:
            table = OrderRepository(pool)
            inserted = await table.insert(sorted(batch, key=lambda order: order.order_id))
            found = await table.find([order.order_id for order in batch])
        finally:
            await pool.close()
        assert inserted.new == len(batch)
        assert {key: stored.order for key, stored in found.items()} == {
            order.order_id: order for order in batch
        }

    asyncio.run(check())


@pytest.mark.long
@given(
    batch=st.lists(orders, min_size=2, max_size=6),
    share=st.sampled_from(["placed_at", "received_at", "both"]),
    corrected=st.booleans(),
    other=st.none() | moments,
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_moments_that_are_shared_are_stored_with_each_order(
    database_url: str, batch: list[Order], share: str, corrected: bool, other: datetime | None
) -> None:
    names = ["placed_at", "received_at"] if share == "both" else [share]
    shared = {name: getattr(batch[0], name) for name in names}
    batch = [msgspec.structs.replace(one, **shared) for one in batch]
    if corrected:  # the only one that says what it voids
        batch.append(batch[0].correction(uuid4(), batch[0].received_at))
    batch.sort(key=lambda one: one.order_id)
    if other is not None:  # among many that share a moment one that does not
        middle = len(batch) // 2
        batch[middle] = msgspec.structs.replace(batch[middle], **dict.fromkeys(names, other))

    async def check() -> None:
        pool = await open_pool(database_url, size=2, application_name="test")
        try:
            table = OrderRepository(pool)
            assert (await table.insert(batch)).new == len(batch)
            found = await table.find([one.order_id for one in batch])
        finally:
            await pool.close()
        assert [found[one.order_id].order for one in batch] == batch

    asyncio.run(check())


async def test_a_connection_that_postgresql_ends_in_the_middle_leaves_the_outcome_unknown(
    database_url: str, other: Connection, opened: AsyncExitStack
) -> None:
    pool = await open_pool(database_url, size=2, application_name="ended")
    opened.push_async_callback(pool.close)
    table = OrderRepository(pool)
    async with asyncio.TaskGroup() as group, other.transaction():
        await other.execute("LOCK TABLE orders")
        inserting = group.create_task(_outcome(table.insert([order()])))
        finding = group.create_task(_outcome(table.find([order().order_id])))
        async with asyncio.timeout(10):
            while await other.fetchval(_WAITING) < 2:
                await asyncio.sleep(0.01)
        await other.fetch(_END)
    assert isinstance(inserting.result(), CommitUnknown)
    assert isinstance(finding.result(), DatabaseUnavailable)
    assert (await table.insert([order()])).new == 1


async def _outcome(doing: Awaitable[object]) -> object:
    try:
        return await doing
    except DatabaseUnavailable as error:
        return error


async def test_connections_that_are_kept_are_replaced_when_they_break(
    database_url: str, other: Connection, opened: AsyncExitStack
) -> None:
    # One, for all of the pool's are ended, and an idle one that has not noticed yet would be leased.
    pool = await open_pool(database_url, size=1, application_name="kept")
    opened.push_async_callback(pool.close)
    table = OrderRepository(pool, max_idle=1)
    opened.push_async_callback(table.close)
    for _ in range(3):
        assert (await table.insert([order()])).new == 1
        assert pool.get_idle_size() == pool.get_size() - 1
        assert table.idle_connections == 1
        await other.fetch(_END_KEPT)
        async with asyncio.timeout(10):
            while pool.get_idle_size() < pool.get_size():
                await asyncio.sleep(0.01)
    await table.insert([order()])
    await table.close()
    assert pool.get_idle_size() == pool.get_size()


async def test_a_key_that_an_open_transaction_holds_fails_its_batch_soon(
    database_url: str, other: Connection, opened: AsyncExitStack
) -> None:
    pool = await open_pool(database_url, size=2, application_name="test")
    opened.push_async_callback(pool.close)
    table = OrderRepository(pool, insert_timeout=60)
    held, free = order(), order()
    async with other.transaction():
        await insert(other, held)
        async with asyncio.timeout(10):
            for _ in range(3):
                assert isinstance(await _outcome(table.insert([held, free])), KeyLocked)
        assert not await table.find([held.order_id, free.order_id])
        assert (await table.insert([free])).new == 1
    assert (await table.insert([held])).new == 0
    async with pool.acquire() as connection:  # the setting has ended with its transaction
        assert await connection.fetchval("SHOW lock_timeout") == "0"


async def test_a_table_that_is_locked_is_waited_for(
    database_url: str, other: Connection, opened: AsyncExitStack
) -> None:
    """As by a migration: nobody else gets on meanwhile, so there is nothing to split."""
    pool = await open_pool(database_url, size=2, application_name="test")
    opened.push_async_callback(pool.close)
    table = OrderRepository(pool)
    async with asyncio.TaskGroup() as group, other.transaction():
        await other.execute("LOCK TABLE orders")
        inserting = group.create_task(table.insert([order()]))
        async with asyncio.timeout(10):
            while not await other.fetchval(_WAITING):
                await asyncio.sleep(0.01)
        await other.execute("SELECT pg_sleep(0.2)")  # longer than a key is waited for
        assert not inserting.done()
    assert inserting.result().new == 1


async def test_corrections_are_found_by_what_they_void(
    database_url: str, other: Connection, opened: AsyncExitStack
) -> None:
    pool = await open_pool(database_url, size=2, application_name="test")
    opened.push_async_callback(pool.close)
    table = OrderRepository(pool)
    sold, kept = order(), order()
    correction = void(sold)
    await insert(other, sold, kept, correction)
    found = await table.find_voids([sold.order_id, kept.order_id])
    assert {key: stored.order.order_id for key, stored in found.items()} == {
        sold.order_id: correction.order_id
    }
    assert (await table.insert([void(sold)])).new == 0  # under another key
