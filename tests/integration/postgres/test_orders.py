"""Orders come back from the table as they went in, whatever their codes are made of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coffeert.order import Order
from coffeert.postgres.orders import OrderTable
from coffeert.postgres.pool import open_pool

# What PostgreSQL can hold: text without NUL and without halves of surrogate pairs.
codes = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
moments = st.integers(946_684_800_000_000, 4_102_444_800_000_000).map(
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


@given(batch=st.lists(orders, min_size=1, max_size=8))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_stored_is_what_is_found(database_url: str, batch: list[Order]) -> None:
    async def check() -> None:
        pool = await open_pool(database_url, size=2, application_name="test")
        try:
            table = OrderTable(pool)
            inserted = await table.insert(sorted(batch, key=lambda order: order.order_id))
            found = await table.find([order.order_id for order in batch])
        finally:
            await pool.close()
        assert inserted.new == len(batch)
        assert {key: stored.order for key, stored in found.items()} == {
            order.order_id: order for order in batch
        }

    asyncio.run(check())
