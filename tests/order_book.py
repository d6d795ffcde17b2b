"""Orders made for tests, put into PostgreSQL, and summed by the domain's own rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from coffeert.domain.orders import Order, new_order_id
from coffeert.domain.rollups import ZERO, Totals, tally_orders

if TYPE_CHECKING:
    from coffeert.postgres.pool import Connection

NOON = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)

_KEPT = """
    SELECT 'minute', extract(epoch FROM bucket)::bigint, store, drink, orders, quantity, revenue_cents
    FROM rollup_minute
    UNION ALL
    SELECT 'quarter', extract(epoch FROM bucket)::bigint, store, drink, orders, quantity, revenue_cents
    FROM rollup_quarter
    UNION ALL
    SELECT 'day', extract(epoch FROM date)::bigint, store, drink, orders, quantity, revenue_cents
    FROM rollup_day
"""
_INSERT = """
    INSERT INTO orders (order_id, placed_at, received_at, quantity, price_cents, store, drink, voids,
                        amount, source, receipt)
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::integer[],
                         $5::integer[], $6::text[], $7::text[], $8::uuid[], $9::bigint[], $10::text[],
                         $11::text[])
"""
_ORDERS = """
    SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
           receipt
    FROM orders
"""


def order(
    placed_at: datetime = NOON,
    store: str = "uptown",
    drink: str = "latte",
    *,
    quantity: int = 1,
    price_cents: int = 480,
    amount: int | None = None,
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
        amount=amount,
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
        [made.amount for made in orders],
        [made.source for made in orders],
        [made.receipt for made in orders],
    ]
    await connection.execute(_INSERT, *columns)


async def stored_orders(connection: Connection) -> list[Order]:
    """Read every order."""
    return [Order(**row) for row in await connection.fetch(_ORDERS)]


KeptCells = dict[tuple[str, int, str, str], Totals]


async def kept_cells(connection: Connection) -> KeptCells:
    """Read every cell of the rollup tables, empty ones too."""
    rows = await connection.fetch(_KEPT)
    return {(*row[:4],): Totals(*row[4:]) for row in rows}


async def counted_cells(
    connection: Connection,
    day_of: Callable[[str, int], int] = lambda _, minute: minute // 86400 * 86400,
) -> KeptCells:
    """Sum every order by minute, quarter and business day, in Python.

    `day_of` returns the day of a store and a minute; without it, days are those of UTC.
    """
    cells: KeptCells = {}
    for (_, minute, store, drink), totals in tally_orders(await stored_orders(connection)).items():
        for grain, bucket in (
            ("minute", minute),
            ("quarter", minute // 900 * 900),
            ("day", day_of(store, minute)),
        ):
            key = grain, bucket, store, drink
            cells[key] = cells.get(key, ZERO).plus(totals)
    return cells
