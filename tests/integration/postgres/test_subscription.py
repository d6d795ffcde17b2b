"""Orders that come by logical replication from another database, with that one's transaction ids."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.verification import verify
from tests.integration.postgres.passing import run_pass
from tests.order_book import counted_cells, insert, kept_cells, order, void
from tests.servers import FAST, postgres_server
from tests.waiting import POLL


@pytest.fixture
def logical_postgres(server_directory: Path) -> Iterator[PostgresServer]:
    """A running PostgreSQL that can publish."""
    server = postgres_server(server_directory, settings={**FAST, "wal_level": "logical"})
    server.start()
    yield server
    server.stop("immediate")


async def migrated(server: PostgresServer, name: str) -> Connection:
    """Connect to a new database with the schema."""
    server.ensure_database(name)
    await migrate(server.database_url(name))
    return await connect(server.database_url(name), application_name="test")


async def test_each_replicated_order_is_counted_once(logical_postgres: PostgresServer) -> None:
    shop = await migrated(logical_postgres, "shop")
    centre = await migrated(logical_postgres, "centre")
    before = [order(quantity=quantity) for quantity in (1, 2, 3)]
    await insert(shop, *before)  # what the subscription copies at its beginning
    await shop.execute("CREATE PUBLICATION shop FOR TABLE orders")
    # Within one cluster the slot must be there first, or both would wait for each other.
    await shop.fetchval("SELECT pg_create_logical_replication_slot('centre', 'pgoutput')")
    sockets = logical_postgres.directory.sockets
    await centre.execute(
        f"CREATE SUBSCRIPTION centre CONNECTION 'host={sockets} port=5432 user=postgres dbname=shop' "
        "PUBLICATION shop WITH (create_slot = false, slot_name = 'centre')"
    )

    async def arrived(count: int) -> None:
        async with asyncio.timeout(30):
            while await centre.fetchval("SELECT count(*) FROM orders") < count:
                await asyncio.sleep(POLL)

    await arrived(3)
    counted = [(await run_pass(centre)).rows for _ in range(3)]
    await insert(shop, *(order() for _ in range(40)), void(before[0]))
    await arrived(44)
    counted += [(await run_pass(centre)).rows for _ in range(3)]
    assert counted == [3, 0, 0, 41, 0, 0]
    result = await verify(centre)
    assert (result.exact, result.orders) == (True, 44)
    assert await kept_cells(centre) == await counted_cells(centre)
    await centre.execute("ALTER SUBSCRIPTION centre DISABLE")
    await centre.execute("ALTER SUBSCRIPTION centre SET (slot_name = NONE)")
    await centre.execute("DROP SUBSCRIPTION centre")
    await close(shop)
    await close(centre)
