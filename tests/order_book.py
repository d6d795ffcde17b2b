"""Orders made for tests, put into PostgreSQL, and summed by the domain's own rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from coffeert.domain.orders import Order, new_order_id
from coffeert.domain.rollups import CellKey, Cells, Totals, at_all_grains, tally_orders

if TYPE_CHECKING:
    from coffeert.postgres.pool import Connection

NOON = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)

_KEPT = """
    SELECT 'minute', extract(epoch FROM bucket)::bigint, store, drink, orders, quantity, revenue_cents
    FROM rollup_minute
    UNION ALL
    SELECT 'hour', extract(epoch FROM bucket)::bigint, store, drink, orders, quantity, revenue_cents
    FROM rollup_hour
    UNION ALL
    SELECT 'day', extract(epoch FROM bucket)::bigint, store, drink, orders, quantity, revenue_cents
    FROM rollup_day
"""
_INSERT = """
    INSERT INTO orders (order_id, placed_at, received_at, quantity, price_cents, store, drink, voids)
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::integer[],
                         $5::integer[], $6::text[], $7::text[], $8::uuid[])
"""
_ORDERS = """
    SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids FROM orders
"""


def order(
    placed_at: datetime = NOON,
    store: str = "uptown",
    drink: str = "latte",
    *,
    quantity: int = 1,
    price_cents: int = 480,
) -> Order:
    """Make an order with an id of its own."""
    return Order(
        order_id=new_order_id(),
        store=store,
        drink=drink,
        quantity=quantity,
        price_cents=price_cents,
        placed_at=placed_at,
        received_at=datetime.now(UTC),
    )


def void(voided: Order) -> Order:
    """Make the order that cancels another out."""
    return voided.correction(new_order_id(), datetime.now(UTC))


async def insert(connection: Connection, *orders: Order) -> None:
    """Store orders; in a transaction of their own, unless the connection is in one."""
    columns = [
        [made.order_id for made in orders],
        [made.placed_at for made in orders],
        [made.received_at for made in orders],
        [made.quantity for made in orders],
        [made.price_cents for made in orders],
        [made.store for made in orders],
        [made.drink for made in orders],
        [made.voids for made in orders],
    ]
    await connection.execute(_INSERT, *columns)


async def stored_orders(connection: Connection) -> list[Order]:
    """Read every order."""
    return [Order(**row) for row in await connection.fetch(_ORDERS)]


async def kept_cells(connection: Connection) -> Cells:
    """Read every cell of the rollup tables, empty ones too."""
    rows = await connection.fetch(_KEPT)
    return {CellKey(*row[:4]): Totals(*row[4:]) for row in rows}


async def counted_cells(connection: Connection) -> Cells:
    """Sum every order at all grains, in Python."""
    return at_all_grains(tally_orders(await stored_orders(connection)))
