"""The plans of the hot queries, whatever PostgreSQL believes about the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from coffeert.postgres.passes import retention_moments
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.state import locked_state
from tests.calendars import retention

ROWS = 20_000
_NO_SCANS = {"ModifyTable", "Bitmap Heap Scan", "Tid Scan"}
MOMENT = datetime(2026, 3, 28, 12, 30, 30, tzinfo=UTC)
RETENTION = retention(MOMENT)
STATISTICS = ("never gathered", "gathered when empty", "right")
"""The third kind finds most orders new, so a sequential scan looks cheap."""


@pytest.fixture(params=STATISTICS)
async def many_orders(connection: Connection, request: pytest.FixtureRequest) -> Connection:
    if request.param == "gathered when empty":
        await connection.execute("VACUUM ANALYZE orders")
    await connection.execute(
        "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
        "SELECT gen_random_uuid(), timestamptz '2026-03-28 12:00+00' + n * interval '1 second', 1, 1,"
        f"'uptown', 'latte' FROM generate_series(1, {ROWS}) n"
    )
    if request.param == "right":
        await connection.execute("ANALYZE orders")
    return connection


def nodes(plan: Any) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def scans_of_orders(connection: Connection, query: str, *values: object) -> set[str]:
    """The ways in which a query finds orders: index names, or `Seq Scan`."""
    text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *values)
    found = set()
    for node in nodes(json.loads(text)[0]["Plan"]):
        if node.get("Relation Name") == "orders" and node["Node Type"] != "Bitmap Heap Scan":
            found.add(node.get("Index Name", node["Node Type"]))
        if node["Node Type"] == "Bitmap Index Scan" and node["Index Name"].startswith("orders"):
            found.add(node["Index Name"])
    return found


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("watermark", ["1:1:", "700:900:700,800"])
async def test_a_pass_finds_new_orders_by_their_transaction(
    many_orders: Connection, mode: str, watermark: str
) -> None:
    await many_orders.execute(f"SET plan_cache_mode = {mode}")
    async with locked_state(many_orders):
        values = (watermark, *retention_moments(RETENTION), 5.0)
        found = await scans_of_orders(many_orders, sql("pass"), *values)
        # By the others, sales that are voided are looked up.
        assert found == {"orders_xid", "orders_pkey", "orders_voids", "orders_placed_at"}
        text = await many_orders.fetchval(f"EXPLAIN (FORMAT JSON) {sql('pass')}", *values)
    tables = {"orders", "activity", "activity_source"}
    for node in nodes(json.loads(text)[0]["Plan"]):
        if node.get("Relation Name") in tables and node["Node Type"] not in _NO_SCANS:
            limits = {key for key in node if key.endswith("Cond")}
            assert limits or node.get("Index Name") == "activity_stale", node


async def test_corrections_are_found_by_an_index(many_orders: Connection) -> None:
    keys = [uuid4() for _ in range(10)]
    assert await scans_of_orders(many_orders, sql("find_voids"), keys) == {"orders_voids"}
    assert await scans_of_orders(many_orders, sql("find_orders"), keys) == {"orders_pkey"}


async def test_recent_orders_are_read_from_the_end(many_orders: Connection) -> None:
    found = await scans_of_orders(many_orders, sql("load_recent"), "900:900:", None)
    assert found == {"orders_placed_at"}


async def test_a_view_of_the_past_reads_only_the_orders_of_one_minute(
    many_orders: Connection,
) -> None:
    found = await scans_of_orders(
        many_orders, sql("view_at"), "900:900:", MOMENT, *retention_moments(RETENTION), None
    )
    assert found == {"orders_placed_at"}


async def test_the_test_would_notice_a_sequential_scan(many_orders: Connection) -> None:
    long_ago = MOMENT - timedelta(days=1)
    found = await scans_of_orders(
        many_orders, "SELECT sum(quantity) FROM orders WHERE received_at > $1", long_ago
    )
    assert found == {"Seq Scan"}


@pytest.mark.parametrize("gathered", [False, True])
@pytest.mark.parametrize(
    ("query", "values"), [("verify", ["900:900:", None]), ("sum_days", [["uptown", "central"]])]
)
async def test_the_day_of_a_quarter_is_looked_up(
    connection: Connection, gathered: bool, query: str, values: list[object]
) -> None:
    await connection.execute(
        "INSERT INTO rollup_quarter SELECT quarter, store, drink, 1, 1, 1"
        " FROM generate_series(timestamptz '2025-01-01', '2025-12-31', interval '1 hour') AS quarter,"
        " unnest(ARRAY['uptown', 'central']) AS store, unnest(ARRAY['tea', 'latte']) AS drink"
    )
    await connection.execute("INSERT INTO calendar VALUES (2, 'Europe/Berlin', 240)")
    await connection.execute("UPDATE menu_store SET calendar = 2 WHERE code = 'central'")
    if gathered:
        await connection.execute("ANALYZE")
    text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql(query)}", *values)
    lookups = [
        node
        for node in nodes(json.loads(text)[0]["Plan"])
        if node.get("Relation Name") == "calendar_day"
    ]
    assert lookups
    for node in lookups:
        assert "begins <=" in node.get("Index Cond", ""), node


async def test_only_the_orders_between_sealed_days_are_read(many_orders: Connection) -> None:
    await many_orders.execute("SET plan_cache_mode = force_custom_plan")
    query, tomorrow = sql("verify"), MOMENT + timedelta(days=1)
    assert await scans_of_orders(many_orders, query, "900:900:", tomorrow) == {"orders_placed_at"}
    assert "Seq Scan" in await scans_of_orders(many_orders, query, "900:900:", None)


@pytest.mark.parametrize("behind", [MOMENT, datetime(2100, 1, 1, tzinfo=UTC)])
async def test_a_page_of_orders_is_read_from_its_place_on(
    many_orders: Connection, behind: datetime
) -> None:
    await many_orders.execute("SET plan_cache_mode = force_custom_plan")
    first, last = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    nothing: list[str] = []
    values = [
        nothing,
        nothing,
        nothing,
        None,
        None,
        None,
        None,
        first,
        last,
        [None],
        [first],
        [last],
    ]
    found = await scans_of_orders(
        many_orders, sql("order_page"), *values, behind, uuid4(), 50, False
    )
    assert found == {"orders_placed_at", "orders_voids"}
