"""A database that is put back to an earlier time gets what was acknowledged since, exactly once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest

from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.verification import verify
from tests.integration.server.conftest import RunServer
from tests.integration.server.live.test_put_back import cold_copy, put_back
from tests.waiting import POLL, WITHIN


@pytest.mark.long
@pytest.mark.parametrize("restore", [True, False], ids=["on", "off"])
async def test_acknowledged_orders_that_an_earlier_copy_lacks_are_stored_again(
    own_postgres: PostgresServer, run_server: RunServer, opened: AsyncExitStack, restore: bool
) -> None:
    url = own_postgres.database_url("shop")
    await asyncio.to_thread(own_postgres.ensure_database, "shop")
    await migrate(url)
    async with (
        run_server(database=url, restore_acknowledged=restore) as server_url,
        aiohttp.ClientSession(server_url) as http,
    ):
        early = [await _place(http) for _ in range(5)]
        copy = own_postgres.directory.cluster.parent / "earlier"
        await asyncio.to_thread(cold_copy, own_postgres, copy)
        await _ready(http)
        late = [await _place(http) for _ in range(10)]
        async with http.post(f"/api/orders/{early[0]}/void") as response:
            late.append((await response.json())["order_id"])
        await asyncio.to_thread(put_back, own_postgres, copy)

        connection = await connect(url, application_name="test")
        opened.callback(connection.terminate)
        expected = sorted([*early, *late] if restore else early)
        async with asyncio.timeout(WITHIN):
            while await _stored(connection) != expected or not await _restored(http, late, restore):
                await asyncio.sleep(POLL)
        async with asyncio.timeout(WITHIN):  # and once they are counted they are shown
            while await _shown(http) != (4 + 10 if restore else 5):
                await asyncio.sleep(POLL)
        assert await _stored(connection) == expected
        assert (await verify(connection)).exact


async def _place(http: aiohttp.ClientSession) -> str:
    async with http.post("/api/orders", json={"store": "uptown", "drink": "latte"}) as response:
        assert response.status == 201
        return str((await response.json())["order_id"])


async def _restored(http: aiohttp.ClientSession, late: list[str], restore: bool) -> bool:
    async with http.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    (count,) = (line for line in lines if line.startswith("coffeert_restored_orders_total "))
    return float(count.split()[1]) == (len(late) if restore else 0)


async def _shown(http: aiohttp.ClientSession) -> int:
    async with http.get("/api/dashboard") as response:
        return int((await response.json())["view"]["totals"]["minute"][0])


async def _ready(http: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            async with http.get("/readyz") as response:
                if response.status == 200:
                    return
            await asyncio.sleep(POLL)


async def _stored(connection: Connection) -> list[str]:
    return sorted(r[0] for r in await connection.fetch("SELECT order_id::text FROM orders"))
