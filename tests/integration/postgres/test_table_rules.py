"""What the table refuses, and what passes do with rows that an earlier version let in."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from coffeert.postgres.migrations import migrate, read_migrations
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.rollups import load_snapshot, view_at
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


@pytest.mark.parametrize("statement", BREAKING.values(), ids=BREAKING)
async def test_a_row_from_before_the_rules_is_in_no_view(
    connection: Connection, statement: str
) -> None:
    for rule in ("orders_placed_at", "orders_codes"):
        await connection.execute(f"ALTER TABLE orders DROP CONSTRAINT {rule}")
    await connection.fetchval(statement)
    good = order()
    await insert(connection, good)
    await run_pass(connection)
    now = datetime.now(UTC)
    assert (await load_snapshot(connection, now)).recent == (good,)
    assert (await view_at(connection, now)).recent == (good,)


ODD = {
    "before the calendar": ("timestamptz '1995-06-01 10:00+00'", "'uptown'"),
    "after the calendar": ("timestamptz '2150-06-01 10:00+00'", "'uptown'"),
    "before the first day": ("timestamptz '1999-12-31 10:00+00'", "'uptown'"),
    "a long code": ("timestamptz '2026-03-01 10:00+00'", "repeat('x', 300)"),
}


@pytest.mark.parametrize(("placed_at", "store"), ODD.values(), ids=ODD)
async def test_what_an_earlier_version_counted_is_left_out_by_the_migration(
    empty_database_url: str, placed_at: str, store: str
) -> None:
    await migrate(empty_database_url, read_migrations()[:2])
    connection = await connect(empty_database_url, application_name="test")
    bad = await connection.fetchval(_INSERT.format(placed_at, store))
    await connection.execute(
        f"INSERT INTO rollup_minute VALUES ({placed_at}, {store}, 'latte', 1, 1, 480),"
        "('2026-03-01 10:00+00', 'uptown', 'latte', 1, 1, 480)"
    )
    await connection.execute(
        "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
        "VALUES (gen_random_uuid(), '2026-03-01 10:00+00', 1, 480, 'uptown', 'latte')"
    )
    await connection.execute("UPDATE aggregator_state SET watermark = pg_current_snapshot()")
    assert await migrate(empty_database_url, timezone="Asia/Kolkata")
    assert await connection.fetchval("SELECT order_id FROM uncountable_order") == bad
    result = await verify(connection)
    assert (result.exact, result.orders, result.uncountable) == (True, 1, 1)
    await close(connection)
