"""What is only read is read from a standby, and nobody sees figures go back or misses an order for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from coffeert.cli import cli, run
from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import connect
from tests.integration.server.conftest import RunServer
from tests.standby import Standby, standby_of
from tests.waiting import POLL, WITHIN

pytestmark = pytest.mark.long

LATTE = {"store": "uptown", "drink": "latte"}


@dataclass
class Shop:
    """A server with a primary and a standby, the figures that it gives, and who was read for them."""

    primary: str
    standby: Standby
    http: aiohttp.ClientSession

    async def get(self, path: str) -> Any:
        async with self.http.get(path) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def place(self) -> str:
        async with self.http.post("/api/orders", json=LATTE) as response:
            assert response.status == 201
            return str((await response.json())["order_id"])

    async def listed(self) -> set[str]:
        return {one["order_id"] for one in (await self.get("/api/orders"))["orders"]}

    async def told(self, what: str) -> None:
        """Wait until the server says so of its standby."""
        async with asyncio.timeout(WITHIN):
            while what not in (await self.get("/readyz"))["parts"]["database"]["standby"]:
                await asyncio.sleep(POLL)

    async def on_standby(self, statement: str) -> Any:
        connection = await connect(self.standby.url("shop"), application_name="test")
        try:
            return await connection.fetchval(statement)
        finally:
            connection.terminate()


@asynccontextmanager
async def shop_with_standby(
    own_postgres: PostgresServer, run_server: RunServer, **settings: object
) -> AsyncIterator[Shop]:
    own_postgres.ensure_database("shop")
    url = own_postgres.database_url("shop")
    await migrate(url)
    async with AsyncExitStack() as stack:
        standby = stack.enter_context(standby_of(own_postgres))
        address = await stack.enter_async_context(
            run_server(database=url, read_url=standby.url("shop"), **settings)
        )
        http = await stack.enter_async_context(aiohttp.ClientSession(address))
        yield Shop(url, standby, http)


async def test_a_standby_is_read_for_what_is_only_read(
    own_postgres: PostgresServer, run_server: RunServer
) -> None:
    async with shop_with_standby(own_postgres, run_server) as shop:
        placed = {await shop.place() for _ in range(3)}
        await shop.told("read")
        clients = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'coffeert serve, standby'"
        assert await shop.on_standby(clients) >= 1, "the first picture was read there"
        assert await shop.listed() == placed
        moment = (await shop.get("/api/dashboard"))["view"]["data_time"]
        for path in (f"/api/dashboard?at={moment}", "/api/report?period=today", "/api/activity"):
            await shop.get(path)


@pytest.mark.parametrize("live", [True, False])
async def test_an_order_that_was_acknowledged_is_found_although_the_standby_is_behind(
    own_postgres: PostgresServer, run_server: RunServer, live: bool
) -> None:
    settings = {"live_updates": live, "aggregation_interval": 60}
    async with shop_with_standby(own_postgres, run_server, **settings) as shop:
        before = await shop.place()
        await shop.told("read")
        await shop.on_standby("SELECT pg_wal_replay_pause()")
        placed = {before} | {await shop.place() for _ in range(3)}
        assert await shop.listed() == placed
        await shop.told("behind by")
        await shop.on_standby("SELECT pg_wal_replay_resume()")
        await shop.told("read")
        assert await shop.listed() == placed


async def test_the_past_does_not_go_back_with_a_standby_that_is_behind(
    own_postgres: PostgresServer, run_server: RunServer
) -> None:
    async with shop_with_standby(own_postgres, run_server) as shop:
        await shop.told("read")
        await shop.on_standby("SELECT pg_wal_replay_pause()")
        for _ in range(3):
            await shop.place()
        await shop.told("behind by")
        shown = (await shop.get("/api/dashboard"))["view"]["data_time"]
        past = await shop.get(f"/api/dashboard?at={shown}")
        assert past["view"]["data_time"] >= shown


async def test_a_standby_that_is_away_is_told_and_the_primary_is_read(
    own_postgres: PostgresServer, run_server: RunServer
) -> None:
    async with shop_with_standby(own_postgres, run_server) as shop:
        placed = {await shop.place()}
        await shop.told("read")
        shop.standby.stop()
        assert await shop.listed() == placed
        await shop.told("cannot be reached")
        assert (await shop.get("/readyz"))["ready"] is True
        shop.standby.start()
        await shop.told("read")


async def test_another_database_is_not_read(
    own_postgres: PostgresServer, run_server: RunServer, database_url: str
) -> None:
    own_postgres.ensure_database("shop")
    url = own_postgres.database_url("shop")
    await migrate(url)
    other = await connect(database_url, application_name="test")
    await other.execute("UPDATE aggregator_state SET pass = 1000000")  # it is not behind
    other.terminate()
    async with (
        run_server(database=url, read_url=database_url) as address,
        aiohttp.ClientSession(address) as http,
    ):
        shop = Shop(url, None, http)  # type: ignore[arg-type] # it is not asked here
        placed = {await shop.place()}
        await shop.told("another history of orders")
        assert await shop.listed() == placed


def test_verify_reads_the_standby(
    own_postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own_postgres.ensure_database("shop")
    url = own_postgres.database_url("shop")
    asyncio.run(migrate(url))
    with standby_of(own_postgres) as standby:
        monkeypatch.setenv("COFFEERT_DATABASE_URL", url)
        monkeypatch.setenv("COFFEERT_READ_URL", standby.url("shop"))
        assert run(cli, ["verify"]) == 0
        assert capsys.readouterr().err == "coffeert: Reads the standby.\n"
        standby.stop()
        assert run(cli, ["verify"]) == 0
        assert (
            "coffeert: Reads the primary: PostgreSQL cannot be reached" in capsys.readouterr().err
        )
