"""What the table refuses, and what passes do with rows that an earlier version let in."""

from __future__ import annotations

import asyncpg
import pytest

from coffeert.postgres.pool import Connection
from coffeert.postgres.verification import rebuild, verify
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order, void

_INSERT = (
    "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink) "
    "VALUES (gen_random_uuid(), {}, 1, 480, {}, 'latte') RETURNING order_id"
)
BREAKING = {
    "in the end": _INSERT.format("'infinity'", "'uptown'"),
    "before time": _INSERT.format("'-infinity'", "'uptown'"),
    "year 20000": _INSERT.format("'20000-01-01'", "'uptown'"),
    "44 BC": _INSERT.format("'0044-03-15 BC'", "'uptown'"),
    "long store": _INSERT.format("now()", "repeat('x', 3840)"),
}


@pytest.mark.parametrize("statement", BREAKING.values(), ids=BREAKING)
async def test_the_table_refuses_what_could_not_be_counted(
    connection: Connection, statement: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.fetchval(statement)


@pytest.mark.parametrize("statement", BREAKING.values(), ids=BREAKING)
async def test_a_row_from_before_the_rules_is_named_and_the_rest_is_counted(
    connection: Connection, statement: str
) -> None:
    rules = ("orders_placed_at", "orders_codes")
    for rule in rules:
        await connection.execute(f"ALTER TABLE orders DROP CONSTRAINT {rule}")
    bad = await connection.fetchval(statement)
    good = order()
    await insert(connection, good)
    first = await run_pass(connection)
    assert (first.uncountable, first.uncountable_in_all, first.rows) == ((bad,), 1, 2)
    await insert(connection, void(good), order())
    second = await run_pass(connection)
    assert (second.uncountable, second.uncountable_in_all) == ((), 1)
    result = await verify(connection)
    assert (result.exact, result.orders, result.uncountable) == (True, 3, 1)
    assert (await rebuild(connection)).orders == 3
    assert (await run_pass(connection)).uncountable_in_all == 1
    assert (await verify(connection)).exact


async def test_a_replicated_row_gets_a_transaction_id_of_this_database(
    connection: Connection,
) -> None:
    """As an apply worker inserts: it says `replica`, and brings the id of the other database."""
    await run_pass(connection)
    insertion = (
        "INSERT INTO orders (order_id, xid, placed_at, quantity, price_cents, store, drink) "
        "VALUES (gen_random_uuid(), $1, now(), 1, 480, 'uptown', 'latte')"
    )
    foreign = [3, 2**62]
    for xid in foreign:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(insertion, xid)
    assert [(await run_pass(connection)).rows for _ in range(3)] == [2, 0, 0]
    result = await verify(connection)
    assert (result.exact, result.orders) == (True, 2)
