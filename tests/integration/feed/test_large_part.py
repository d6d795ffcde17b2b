"""A transaction of hundreds of thousands of orders is read in pages, in bounded memory."""

from __future__ import annotations

from contextlib import AsyncExitStack

import psutil
import pytest

from coffeert.domain.feed import FeedCursor, FeedPosition
from coffeert.postgres.feed import LARGE_READ_ROWS, FeedTable, make_tick
from coffeert.postgres.pool import connect, open_pool

ORDERS = 400_000
GROWTH = 40 << 20  # bytes; all of them together need some 200 MiB


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
    process, before = psutil.Process(), 0
    while parts := await table.read(position):
        (part,) = parts
        assert len(part.rows) <= LARGE_READ_ROWS
        first = part.rows[0].order.order_id.bytes
        assert first > last
        last = part.rows[-1].order.order_id.bytes
        found += len(part.rows)
        position = part.end
        assert await table.find(FeedCursor.parse(position.cursor())) == position
        before = before or process.memory_info().rss
    assert found == ORDERS
    assert process.memory_info().rss - before < GROWTH
