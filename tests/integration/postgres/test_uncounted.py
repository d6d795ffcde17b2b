"""What a server starts with: the last pass, and exactly the committed orders that it has not counted."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from coffeert.domain.orders import Order
from coffeert.domain.rollups import Cells, add, tally_orders
from coffeert.postgres import rollups
from coffeert.postgres.pool import Connection
from coffeert.postgres.rollups import load_snapshot
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order, stored_orders, void


@pytest.mark.parametrize("seed", range(5))
async def test_a_snapshot_and_what_it_has_not_counted_are_all_that_is_committed(
    connection: Connection, other: Connection, seed: int
) -> None:
    chance = random.Random(seed)
    now = datetime.now(UTC)
    held = None
    uncounted = 0
    for _ in range(60):
        match chance.choice(("insert", "insert", "void", "hold", "pass")):
            case "insert":
                amount = chance.choice((None, 7))
                await insert(chance.choice((connection, other)), order(now, amount=amount))
            case "void" if sales := await _sales_to_void(other):
                await insert(connection, void(chance.choice(sales)))
            case "hold" if held is None:
                held = other.transaction()
                await held.start()
            case "hold" if held is not None:
                await held.commit()
                held = None
            case "pass":
                await run_pass(connection)
        uncounted += await _check(connection, now)
    assert uncounted > 10
    if held is not None:
        await held.rollback()


async def _sales_to_void(connection: Connection) -> list[Order]:
    stored = await stored_orders(connection)
    voided = {one.voids for one in stored}
    # Not the sales of a transaction that is held: nobody else sees them.
    return [
        one
        for one in stored
        if one.voids is None and one.order_id not in voided and not connection.is_in_transaction()
    ]


async def _check(connection: Connection, now: datetime) -> bool:
    """Check a snapshot against the orders; return whether anything was left to count."""
    stored = await stored_orders(connection)
    snapshot = await load_snapshot(connection, now, live=True)
    cells: Cells = {key: sums for key, sums in snapshot.cells.items() if key.grain == "minute"}
    if snapshot.uncounted is not None:
        assert not any(snapshot.watermark.sees(xid) for xid in snapshot.uncounted.xids)
        for key, totals in snapshot.uncounted.minutes.items():
            add(cells, key, totals)
    assert _not_empty(cells) == _not_empty(tally_orders(stored))
    newest = sorted(stored, key=lambda one: one.recency, reverse=True)[:50]
    assert list(snapshot.recent) == newest
    return snapshot.uncounted is not None


async def test_what_is_too_much_is_left_to_the_next_pass(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    counted = order(now)
    await insert(connection, counted)
    await run_pass(connection)
    await insert(connection, *(order(now) for _ in range(9)))
    monkeypatch.setattr(rollups, "_MOST_UNCOUNTED", 10)
    taken = await load_snapshot(connection, now, live=True)
    assert taken.uncounted is not None
    assert [totals.orders for totals in taken.uncounted.minutes.values()] == [9]
    await insert(connection, order(now))
    left = await load_snapshot(connection, now, live=True)
    assert (left.uncounted, left.recent) == (None, (counted,))


async def test_transactions_of_another_cluster_are_not_compared(connection: Connection) -> None:
    now = datetime.now(UTC)
    await insert(connection, order(now))
    await connection.execute(
        "UPDATE aggregator_state SET system_identifier = system_identifier + 1"
    )
    assert (await load_snapshot(connection, now, live=True)).uncounted is None


def _not_empty(cells: Cells) -> Cells:
    return {key: totals for key, totals in cells.items() if any(totals)}
