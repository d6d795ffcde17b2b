"""A transaction of hundreds of thousands of orders is read in pages, in bounded memory."""

from __future__ import annotations

import tracemalloc
from contextlib import AsyncExitStack

import pytest

from coffeert.domain.feed import FeedCursor, FeedPosition
from coffeert.postgres.feed import LARGE_READ_ROWS, FeedTable, make_tick
from coffeert.postgres.pool import connect, open_pool

ORDERS = 400_000


@pytest.mark.long
async def test_400_000_orders_of_one_transaction(database_url: str, opened: AsyncExitStack) -> None:
    connection = await connect(database_url, application_name="test")
    opened.callback(connection.terminate)
    await connection.execute(
        "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
        "SELECT gen_random_uuid(), now(), 1, 1, 'uptown', 'latte' FROM generate_series(1, $1)",
        ORDERS,
        timeout=120,
    )
    await connection.execute("ANALYZE orders", timeout=120)
    await make_tick(connection)
    pool = await open_pool(database_url, size=1, application_name="test")
    opened.push_async_callback(pool.close)
    table = FeedTable(pool)
    position, found, last = FeedPosition(), 0, b""
    tracemalloc.start()
    opened.callback(tracemalloc.stop)
    while parts := await table.read(position):
        (part,) = parts
        assert len(part.rows) <= LARGE_READ_ROWS
        first = part.rows[0].order.order_id.bytes
        assert first > last
        last = part.rows[-1].order.order_id.bytes
        found += len(part.rows)
        position = part.end
        assert await table.find(FeedCursor.parse(position.cursor())) == position
    assert found == ORDERS
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
