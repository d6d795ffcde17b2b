"""`/readyz` says what the server is ready for, and not that all is well if it is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import asyncpg
import pytest

from coffeert.cancellation import end
from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from coffeert.postgres.roles import grant_serving
from tests.integration.server.conftest import RunServer
from tests.standby import standby_of
from tests.waiting import POLL, WITHIN

LATTE = {"store": "uptown", "drink": "latte"}
ROLE = "coffeert_serving"
NOTICED = 3.0  # seconds


@pytest.fixture
async def shop(own_postgres: PostgresServer) -> str:
    """A database on a PostgreSQL of the test's own."""
    own_postgres.ensure_database("shop")
    url = own_postgres.database_url("shop")
    await migrate(url)
    return url


@asynccontextmanager
async def serving(run_server: RunServer, database: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A server without an aggregator, and a session to it."""
    async with (
        run_server(database=database, run_aggregator=False) as url,
        aiohttp.ClientSession(url) as http,
    ):
        yield http


async def readiness(http: aiohttp.ClientSession, purpose: str | None = None) -> tuple[int, Any]:
    parameters = {} if purpose is None else {"for": purpose}
    async with http.get("/readyz", params=parameters) as response:
        body = await response.json()
    assert body["ready"] is (response.status == 200)
    return response.status, body["parts"]["intake"].get("reason", "")


async def ready_for_orders(http: aiohttp.ClientSession, ready: int, within: float = WITHIN) -> str:
    """Wait until the server says so of orders, by both names; return the reason that it gives."""
    deadline = time.monotonic() + within
    while (told := await readiness(http))[0] != ready:
        assert time.monotonic() < deadline, told
        await asyncio.sleep(POLL)
    assert (await readiness(http, "orders"))[0] == ready
    return str(told[1])


async def test_all_is_ready(run_server: RunServer, database_url: str) -> None:
    async with serving(run_server, database_url) as http:
        for purpose in (None, "orders", "dashboards"):
            assert await readiness(http, purpose) == (200, "")


@pytest.mark.parametrize("query", ["for=coffee", "for=", "for=orders&for=dashboards", "for=Orders"])
async def test_another_purpose_is_a_problem(http: aiohttp.ClientSession, query: str) -> None:
    async with http.get(f"/readyz?{query}") as response:
        assert response.status == 400
        assert response.content_type == "application/problem+json"
        assert (await response.json())["errors"][0]["field"] == "for"


async def test_a_standby_serves_dashboards_alone(
    run_server: RunServer, own_postgres: PostgresServer, shop: str
) -> None:
    with standby_of(own_postgres) as streaming:
        url = streaming.url("shop")
        async with serving(run_server, url) as http:
            assert "is a standby" in await ready_for_orders(http, 503)
            assert (await readiness(http, "dashboards"))[0] == 200
            assert (await http.post("/api/orders", json=LATTE)).status == 503
            promoted = await asyncpg.connect(url)
            await promoted.execute("SELECT pg_promote()")
            await promoted.close()
            await ready_for_orders(http, 200)
            assert (await http.post("/api/orders", json=LATTE)).status == 201


async def test_a_read_only_database_serves_dashboards_alone(
    run_server: RunServer, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url)
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await owner.close()
    async with serving(run_server, database_url) as http:
        assert "is read-only" in await ready_for_orders(http, 503)
        assert (await readiness(http, "dashboards"))[0] == 200


async def test_without_the_right_to_insert_orders_it_is_not_ready_for_them(
    run_server: RunServer, database_url: str, opened: AsyncExitStack
) -> None:
    owner = await asyncpg.connect(database_url)
    opened.push_async_callback(owner.close)
    await owner.execute(f"CREATE ROLE {ROLE} LOGIN")
    opened.push_async_callback(owner.execute, f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")
    await grant_serving(database_url, ROLE)
    async with serving(run_server, database_url.replace("//postgres@", f"//{ROLE}@")) as http:
        await ready_for_orders(http, 200)
        await owner.execute(f"REVOKE INSERT (store) ON orders FROM {ROLE}")
        assert "may not insert" in await ready_for_orders(http, 503, NOTICED)
        assert (await readiness(http, "dashboards"))[0] == 200
        await grant_serving(database_url, ROLE)
        await ready_for_orders(http, 200, NOTICED)


async def test_a_full_disk_is_told(
    run_server: RunServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(run_server, database_url) as http:
        owner = await asyncpg.connect(database_url)
        await owner.execute(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RAISE disk_full; END';"
            "CREATE TRIGGER full_disk BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION fill()"
        )
        assert (await http.post("/api/orders", json=LATTE)).status == 503
        assert await ready_for_orders(http, 503, NOTICED) == (
            "no order can be stored: PostgreSQL has no room left on its disk"
        )
        assert (await readiness(http, "dashboards"))[0] == 200
        async with http.get("/metrics") as response:
            assert "coffeert_intake_up 0.0" in await response.text()
        await owner.execute("DROP TRIGGER full_disk ON orders")
        await owner.close()
        assert (await http.post("/api/orders", json=LATTE)).status == 201
        await ready_for_orders(http, 200, NOTICED)


@pytest.mark.long
async def test_commits_that_hang_are_noticed(
    run_server: RunServer, own_postgres: PostgresServer, shop: str
) -> None:
    async with serving(run_server, shop) as http:
        await ready_for_orders(http, 200)
        set_standby(own_postgres, "nobody")
        started = time.monotonic()
        placing = asyncio.create_task(http.post("/api/orders", json=LATTE))
        try:
            said = await ready_for_orders(http, 503, NOTICED)
            assert time.monotonic() - started > 1.5, "an order may take its time"
            assert "no order can be stored" in said
            assert (await readiness(http, "dashboards"))[0] == 200
            # It has been answered, and nobody orders: the session itself waits still.
            await asyncio.wait_for(placing, 30)
            assert "standby" in await ready_for_orders(http, 503)
            set_standby(own_postgres, "")
            await ready_for_orders(http, 200)
        finally:
            set_standby(own_postgres, "")
            await end(placing)


@pytest.mark.long
async def test_inserts_that_hang_are_noticed(run_server: RunServer, database_url: str) -> None:
    async with serving(run_server, database_url) as http:
        owner = await asyncpg.connect(database_url)
        await owner.execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(4); RETURN NEW; END';"
            "CREATE TRIGGER slow BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION wait()"
        )
        await owner.close()
        placing = asyncio.create_task(http.post("/api/orders", json=LATTE))
        try:
            assert "no commit has ended" in await ready_for_orders(http, 503, NOTICED)
            assert (await readiness(http, "dashboards"))[0] == 200
            assert (await placing).status == 201
            await ready_for_orders(http, 200)
        finally:
            await end(placing)


async def test_a_migrated_database_is_no_longer_this_servers(
    run_server: RunServer, database_url: str
) -> None:
    async with serving(run_server, database_url) as http:
        await ready_for_orders(http, 200)
        owner = await asyncpg.connect(database_url)
        await owner.execute(
            "INSERT INTO coffeert_migrations (name, sha256) VALUES ('9999_later', '')"
        )
        await owner.close()
        assert "another version" in await ready_for_orders(http, 503, NOTICED)


async def test_without_postgresql_dashboards_are_still_served(
    run_server: RunServer, own_postgres: PostgresServer, shop: str
) -> None:
    async with serving(run_server, shop) as http:
        assert (await http.post("/api/orders", json=LATTE)).status == 201
        await asyncio.to_thread(own_postgres.stop, "immediate")
        await ready_for_orders(http, 503, NOTICED)
        assert (await readiness(http, "dashboards"))[0] == 200
        assert (await http.get("/api/dashboard")).status == 200
        await asyncio.to_thread(own_postgres.start)
        await ready_for_orders(http, 200)


def set_standby(server: PostgresServer, names: str) -> None:
    server.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    server.execute("SELECT pg_reload_conf()")
