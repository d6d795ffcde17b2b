"""A database that is put back to an earlier time gets what was acknowledged since, exactly once."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import Connection, connect
from coffeert.postgres.verification import rebuild, verify
from tests.integration.server.conftest import running_server
from tests.waiting import POLL, WITHIN


@pytest.mark.parametrize("restore", [True, False], ids=["on", "off"])
async def test_acknowledged_orders_that_an_earlier_copy_lacks_are_stored_again(
    own_postgres: PostgresServer, redis_url: str, opened: AsyncExitStack, restore: bool
) -> None:
    url = own_postgres.database_url("shop")
    await asyncio.to_thread(own_postgres.ensure_database, "shop")
    await migrate(url)
    async with (
        running_server(url, redis_url, restore_acknowledged=restore) as server_url,
        aiohttp.ClientSession(server_url) as http,
    ):
        early = [await _place(http) for _ in range(5)]
        copy = await asyncio.to_thread(_take_copy, own_postgres)
        await _ready(http)
        late = [await _place(http) for _ in range(10)]
        async with http.post(f"/api/orders/{early[0]}/void") as response:
            late.append((await response.json())["order_id"])
        await asyncio.to_thread(_put_back, own_postgres, copy)
        await _ready(http)

        connection = await connect(url, application_name="test")
        opened.callback(connection.terminate)
        assert len(await _stored(connection)) == 5
        await rebuild(connection)  # which begins a lineage, as a promoted standby does
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


def _take_copy(server: PostgresServer) -> Path:
    server.stop()
    copy = server.directory.path / "copy"
    shutil.copytree(server.directory.cluster, copy, copy_function=shutil.copy2)
    server.start()
    return copy


def _put_back(server: PostgresServer, copy: Path) -> None:
    server.stop("immediate")
    owner = server.directory.cluster.stat()
    shutil.rmtree(server.directory.cluster)
    copy.rename(server.directory.cluster)
    for place in (server.directory.cluster, *server.directory.cluster.rglob("*")):
        shutil.chown(place, owner.st_uid, owner.st_gid)
    server.start()
