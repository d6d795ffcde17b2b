"""The schema as migrated: what is there, and what it refuses."""

from __future__ import annotations

import asyncpg
import pytest

from coffeert.postgres.pool import Connection
from tests.order_book import insert, order, void

COLUMNS = {
    "activity": "first_at:timestamp with time zone last_at:timestamp with time zone "
    "minute:timestamp with time zone orders:bigint source:text stale:boolean store:text",
    "activity_source": "source:text store:text",
    "aggregator_state": "fencing_token:bigint lead_until:timestamp with time zone leader:text "
    "lineage:uuid minutes_from:timestamp with time zone nonce:uuid one:boolean pass:bigint "
    "passed_at:timestamp with time zone "
    "system_identifier:bigint timeline:text? watermark:pg_snapshot",
    "calendar": "id:smallint starts:smallint zone:text",
    "calendar_day": "begins:timestamp with time zone calendar:smallint date:date "
    "ends:timestamp with time zone",
    "closing": "closed_at:timestamp with time zone corrects:bigint? currency:text? date:date "
    "number:bigint system_identifier:bigint watermark:pg_snapshot",
    "closing_late": "number:bigint order_id:uuid",
    "closing_line": "drink:text number:bigint orders:bigint orders_with_receipt:bigint pieces:bigint "
    "sold:bigint store:text takings:bigint takings_with_receipt:bigint voided:bigint voids:bigint",
    "closing_span": "begins:timestamp with time zone ends:timestamp with time zone number:bigint "
    "store:text",
    "closing_store": "first_sale:timestamp with time zone? last_sale:timestamp with time zone? "
    "number:bigint receipts:bigint? store:text",
    "coffeert_migrations": "applied_at:timestamp with time zone name:text sha256:text",
    "feed_lineage": "first_tick:bigint name:text system_identifier:bigint timeline:text",
    "feed_state": "one:boolean tick:bigint wanted_until:timestamp with time zone",
    "feed_tick": "number:bigint snapshot:pg_snapshot time:timestamp with time zone",
    "forward_refusal": "noticed_at:timestamp with time zone order_id:uuid ours:jsonb reason:text "
    "status:smallint theirs:jsonb? url:text",
    "forward_target": "cursor:text replayed:bigint stored:bigint updated_at:timestamp with time zone "
    "url:text",
    "marked_day": "date:date name:text",
    "menu_drink": "active:boolean added_at:timestamp with time zone code:text name:text "
    "price_cents:integer",
    "import": "amount:bigint arguments:ARRAY digest:bytea file:text "
    "finished_at:timestamp with time zone? first_at:timestamp with time zone? id:bigint "
    "last_at:timestamp with time zone? orders:bigint own_ids:boolean rejected:bigint same:boolean "
    "skipped:bigint source:text started_at:timestamp with time zone undoing_at:timestamp with time zone? "
    "undone_at:timestamp with time zone? voided:bigint",
    "installation": "currency:text? one:boolean week_starts:smallint",
    "menu_store": "active:boolean added_at:timestamp with time zone calendar:smallint? code:text "
    "name:text",
    "orders": "amount:bigint? drink:text import_id:bigint? order_id:uuid "
    "placed_at:timestamp with time zone price_cents:integer quantity:integer receipt:text? "
    "received_at:timestamp with time zone source:text? store:text voids:uuid? xid:xid8",
    "rollup_day": "date:date drink:text orders:bigint quantity:bigint revenue_cents:bigint store:text",
    "sealed_day": "date:date minutes_hash:numeric? orders:bigint? orders_hash:numeric? quantity:bigint? "
    "quarters_hash:numeric? revenue_cents:bigint? rows:bigint? sealed_at:timestamp with time zone?",
    "uncountable_order": "noticed_at:timestamp with time zone order_id:uuid",
    **{
        f"rollup_{grain}": "bucket:timestamp with time zone drink:text orders:bigint "
        "quantity:bigint revenue_cents:bigint store:text"
        for grain in ("minute", "quarter")
    },
}
INDEXES = {
    "activity_minute",
    "activity_pkey",
    "activity_source_pkey",
    "activity_stale",
    "aggregator_state_pkey",
    "calendar_day_pkey",
    "calendar_pkey",
    "calendar_shared",
    "closing_corrects_key",
    "closing_first",
    "closing_late_pkey",
    "closing_line_pkey",
    "closing_pkey",
    "closing_span_pkey",
    "closing_store_pkey",
    "coffeert_migrations_pkey",
    "feed_lineage_pkey",
    "feed_state_pkey",
    "feed_tick_pkey",
    "feed_tick_time",
    "forward_refusal_pkey",
    "forward_target_pkey",
    "import_file",
    "import_pkey",
    "installation_pkey",
    "marked_day_pkey",
    "menu_drink_pkey",
    "menu_store_pkey",
    "orders_pkey",
    "orders_placed_at",
    "orders_void_xid",
    "orders_voids",
    "orders_xid",
    "rollup_day_pkey",
    "rollup_minute_pkey",
    "rollup_quarter_pkey",
    "sealed_day_pkey",
    "uncountable_order_pkey",
}


async def test_the_schema_is_the_declared_one(connection: Connection) -> None:
    rows = await connection.fetch("""
        SELECT table_name, string_agg(
            column_name || ':' || data_type || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END,
            ' ' ORDER BY column_name COLLATE "C"
        )
        FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name
    """)
    assert dict(map(tuple, rows)) == COLUMNS
    rows = await connection.fetch("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
    assert {row[0] for row in rows} == INDEXES


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE orders SET quantity = 2",
        "UPDATE orders SET xid = '2'",
        "DELETE FROM orders",
        "TRUNCATE orders",
        "INSERT INTO orders SELECT * FROM orders ON CONFLICT (order_id) DO UPDATE SET quantity = 2",
    ],
)
async def test_orders_are_append_only(connection: Connection, change: str) -> None:
    made = order()
    await insert(connection, made)
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(change)
    assert await connection.fetchval("SELECT quantity FROM orders") == made.quantity


async def test_an_order_is_voided_once(connection: Connection) -> None:
    made = order()
    await insert(connection, made, void(made))
    with pytest.raises(asyncpg.UniqueViolationError):
        await insert(connection, void(made))


@pytest.mark.parametrize(
    ("quantity", "voids", "price_cents"),
    [(0, False, 480), (10_000, False, 480), (-10_000, True, 480), (1, False, -1)],
)
async def test_impossible_orders_are_refused(
    connection: Connection, quantity: int, voids: bool, price_cents: int
) -> None:
    made = order()
    await insert(connection, made)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink, voids)"
            "VALUES (gen_random_uuid(), now(), $1, $2, 'uptown', 'latte', $3)",
            quantity,
            price_cents,
            made.order_id if voids else None,
        )


async def test_a_row_names_its_transaction_even_from_within_a_savepoint(
    connection: Connection,
) -> None:
    async with connection.transaction():
        await insert(connection, order())
        async with connection.transaction():
            await insert(connection, order())
        rows = await connection.fetch(
            "SELECT xid = pg_current_xact_id() AS top, xmin::text FROM orders"
        )
    assert [row["top"] for row in rows] == [True, True]
    assert len({row["xmin"] for row in rows}) == 2


async def test_there_is_one_state_row(connection: Connection) -> None:
    for one in ("true", "false"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await connection.execute(
                "INSERT INTO aggregator_state (one, system_identifier, watermark) "
                f"VALUES ({one}, 1, '1:1:')"
            )
