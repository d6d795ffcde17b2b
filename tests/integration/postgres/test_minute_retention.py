"""Minutes that are not kept any more: deleted in pieces, and no figure changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coffeert.errors import Fenced
from coffeert.postgres import minute_retention
from coffeert.postgres.minute_retention import prune_minutes
from coffeert.postgres.pool import Connection
from coffeert.postgres.rollups import view_at
from coffeert.postgres.verification import rebuild, verify
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order, void

KEEP = timedelta(days=45)


async def test_old_minutes_go_in_pieces_and_the_past_stays_as_it_was(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minute_retention, "CELLS_AT_ONCE", 7)
    now = datetime.now(UTC)
    made = [
        order(now - timedelta(days=day, minutes=7 * day), drink=drink)
        for day in (0, 1, 44, 46, 60, 90)
        for drink in ("latte", "tea", "mocha")
    ]
    await insert(connection, *made)
    await run_pass(connection)
    moment = now - timedelta(days=60, minutes=7 * 60 - 3)
    before = await view_at(connection, moment)
    pieces = 1
    while await prune_minutes(connection, KEEP, None):
        pieces += 1
    assert pieces == 2
    kept = await connection.fetchval("SELECT count(*) FROM rollup_minute")
    assert kept == 9
    assert (await view_at(connection, moment)).cells == before.cells
    result = await verify(connection)
    assert (result.exact, result.orders) == (True, len(made))


async def test_late_orders_and_voids_older_than_the_minutes_are_counted_all_the_same(
    connection: Connection,
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=100)
    first = order(long_ago)
    await insert(connection, first)
    await run_pass(connection)
    assert not await prune_minutes(connection, KEEP, None)
    await insert(connection, void(first), order(long_ago, quantity=3), order(long_ago, quantity=-2))
    await run_pass(connection)
    assert await connection.fetchval("SELECT count(*) FROM rollup_minute") == 0
    days = await connection.fetch("SELECT orders, quantity FROM rollup_day WHERE quantity <> 0")
    assert [tuple(day) for day in days] == [(1, 1)]
    assert (await verify(connection)).exact
    assert (await rebuild(connection)).orders == 4
    assert await connection.fetchval("SELECT count(*) FROM rollup_minute") == 0
    assert (await verify(connection)).exact


async def test_more_cells_in_one_minute_than_are_deleted_at_once_are_no_obstacle(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minute_retention, "CELLS_AT_ONCE", 2)
    long_ago = datetime.now(UTC) - timedelta(days=100)
    await insert(connection, *(order(long_ago, drink=f"drink-{n}") for n in range(9)))
    await run_pass(connection)
    assert await prune_minutes(connection, KEEP, None)
    assert not await prune_minutes(connection, KEEP, None)
    assert await connection.fetchval("SELECT count(*) FROM rollup_minute") == 0


async def test_a_former_leader_deletes_nothing(connection: Connection) -> None:
    with pytest.raises(Fenced):
        await prune_minutes(connection, KEEP, 99)
