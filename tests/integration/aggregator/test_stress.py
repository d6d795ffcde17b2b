"""Writers and aggregators that really run at once, unlike in the arena."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from coffeert.aggregator.aggregation_pass import LeaderLease, run_pass
from coffeert.aggregator.projection import Projection
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.rollups import load_snapshot
from coffeert.postgres.verification import verify
from tests.order_book import counted_cells, insert, kept_cells, order, stored_orders, void

WRITERS, TRANSACTIONS, PASSERS = 6, 40, 2


class Regret(Exception):
    """A writer changes its mind."""


async def write(url: str, number: int) -> None:
    """Write transactions of all kinds: long and short, with subtransactions, given up."""
    chance = random.Random(number)
    connection = await connect(url, application_name="writer")
    for _ in range(TRANSACTIONS):
        with suppress(Regret):
            async with connection.transaction():
                await write_one(connection, chance)
    await close(connection)


async def write_one(connection: Connection, chance: random.Random) -> None:
    placed = datetime.now(UTC) - timedelta(seconds=chance.choice((0, 60, 86400)))
    made = [order(placed, drink=f"d{chance.randrange(4)}") for _ in range(3)]
    await insert(connection, *made[:2])
    with suppress(Regret):
        async with connection.transaction():
            await insert(connection, made[2], void(made[0]))
            if chance.random() < 0.3:
                raise Regret
    await asyncio.sleep(chance.choice((0, 0, 0.001, 0.02)))
    if chance.random() < 0.2:
        raise Regret


async def test_passes_beside_busy_writers_are_exact(
    connection: Connection, database_url: str
) -> None:
    done = asyncio.Event()

    async def aggregate() -> int:
        passer = await connect(database_url, application_name="passer")
        projection: Projection | None = None
        rows = 0
        while not done.is_set():
            passed = await run_pass(passer, projection, LeaderLease())
            projection = passed.projection
            rows += passed.result.rows
        await close(passer)
        return rows

    async def watch() -> int:
        watcher = await connect(database_url, application_name="watcher")
        looks = 0
        while not done.is_set():
            result = await verify(watcher)
            assert result.exact, result
            looks += 1
        await close(watcher)
        return looks

    async with asyncio.TaskGroup() as group:
        passers = [group.create_task(aggregate()) for _ in range(PASSERS)]
        watcher = group.create_task(watch())
        await asyncio.gather(*(write(database_url, number) for number in range(WRITERS)))
        done.set()

    final = await run_pass(connection, None, LeaderLease())
    rows = sum(passer.result() for passer in passers) + final.result.rows
    orders = await stored_orders(connection)
    assert len(orders) > WRITERS * TRANSACTIONS
    assert rows == len(orders)
    assert watcher.result() > 0
    assert await kept_cells(connection) == await counted_cells(connection)
    snapshot = await load_snapshot(connection, final.projection.cube.retention.moment())
    assert dict(final.projection.cube.cells()) == snapshot.cells
