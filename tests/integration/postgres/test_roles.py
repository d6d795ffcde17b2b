"""The serving role: enough to serve and aggregate, too little to change an order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from coffeert.aggregator.aggregator import Aggregator
from coffeert.errors import ConfigError
from coffeert.postgres.closings import verify_closings
from coffeert.postgres.orders import OrderRepository
from coffeert.postgres.pool import open_pool
from coffeert.postgres.roles import grant_serving
from coffeert.postgres.verification import verify
from coffeert.redis_bus.publisher import RedisPublisher
from coffeert.server.reports.day_closer import DayCloser
from tests.order_book import order

ROLE = "coffeert_serving"


@pytest.fixture
async def serving_url(database_url: str) -> AsyncIterator[str]:
    """The address of the test's database for the serving role."""
    owner = await asyncpg.connect(database_url)
    await owner.execute(f"CREATE ROLE {ROLE} LOGIN")
    await grant_serving(database_url, ROLE)
    yield database_url.replace("//postgres@", f"//{ROLE}@")
    await owner.execute(f"DROP OWNED BY {ROLE}")
    await owner.execute(f"DROP ROLE {ROLE}")
    await owner.close()


async def test_it_can_store_and_aggregate(
    database_url: str, serving_url: str, redis_url: str, opened: AsyncExitStack
) -> None:
    pool = await open_pool(serving_url, size=2, application_name="test")
    opened.push_async_callback(pool.close)
    table = OrderRepository(pool)
    placed = order()
    await table.insert([placed])
    correction = placed.correction(order().order_id, placed.received_at)
    await table.insert([correction])
    assert (await table.insert([placed])).new == 0  # which writes to the log all the same
    await table.wait_for_standbys()
    assert (await table.find_voids([placed.order_id])).keys() == {placed.order_id}
    assert await table.unresolved_commits() == 0
    publisher = RedisPublisher(redis_url)
    opened.push_async_callback(publisher.close)
    aggregator = Aggregator(serving_url, publisher, interval=1, name="test")
    passed = await aggregator.once()
    assert passed.result.rows == 2
    assert (await DayCloser(pool, None).close(placed.placed_at.date())).number == 1
    async with pool.acquire() as connection:
        assert (await verify(connection)).exact
        assert (await verify_closings(connection)).exact
    await grant_serving(database_url, ROLE)  # again, which changes nothing


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET quantity = 2",
        "DELETE FROM orders",
        "TRUNCATE orders",
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "DROP TABLE orders",
        "DELETE FROM rollup_quarter",
        "UPDATE menu_drink SET price_cents = 0",
        "DELETE FROM coffeert_migrations",
        "SET session_replication_role = replica",
        "INSERT INTO orders (order_id, xid, placed_at, quantity, price_cents, store, drink)"
        " VALUES (gen_random_uuid(), '3', now(), 1, 480, 'uptown', 'latte')",
    ],
)
async def test_it_cannot_change_what_was_ordered(
    serving_url: str, statement: str, opened: AsyncExitStack
) -> None:
    connection = await asyncpg.connect(serving_url)
    opened.push_async_callback(connection.close)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)


async def test_it_can_name_every_column_but_the_transaction(
    serving_url: str, opened: AsyncExitStack
) -> None:
    connection = await asyncpg.connect(serving_url)
    opened.push_async_callback(connection.close)
    granted = {
        name
        for name, may in await connection.fetch(
            "SELECT attname, has_column_privilege('orders', attnum, 'INSERT') FROM pg_attribute"
            " WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped"
        )
        if not may
    }
    assert granted == {"xid"}


@pytest.mark.parametrize("granted", ["INSERT", "INSERT (xid)", "UPDATE (quantity)", "DELETE"])
async def test_a_role_that_has_the_right_from_another_is_refused(
    database_url: str, granted: str
) -> None:
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(f"CREATE ROLE {ROLE}; CREATE ROLE others IN ROLE {ROLE}")
        await owner.execute(f"GRANT {granted} ON orders TO {ROLE}")
        with pytest.raises(ConfigError, match="could change orders"):
            await grant_serving(database_url, "others")
        assert not await owner.fetchval("SELECT has_table_privilege('others', 'orders', 'SELECT')")
    finally:
        await owner.execute(f"DROP OWNED BY {ROLE}; DROP ROLE others; DROP ROLE {ROLE}")
        await owner.close()


@pytest.mark.parametrize("role", ["postgres", "nobody there", 'x"; DROP TABLE orders; --'])
async def test_a_role_that_could_is_refused(database_url: str, role: str) -> None:
    with pytest.raises(ConfigError):
        await grant_serving(database_url, role)
