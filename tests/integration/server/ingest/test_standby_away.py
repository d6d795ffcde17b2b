"""While its synchronous standby is away a server takes no orders, says so, and goes on by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from coffeert.domain.orders import new_order_id
from coffeert.embedded import PostgresServer
from coffeert.postgres.migrations import migrate
from tests.integration.server.conftest import RunServer
from tests.waiting import POLL, WITHIN


@pytest.mark.long
async def test_orders_are_refused_until_the_standby_is_back(
    own_postgres: PostgresServer, run_server: RunServer
) -> None:
    url = own_postgres.database_url("shop")
    await asyncio.to_thread(own_postgres.ensure_database, "shop")
    await migrate(url)
    async with (
        run_server(database=url, run_aggregator=False) as server_url,
        aiohttp.ClientSession(server_url) as http,
    ):
        own_postgres.execute("ALTER SYSTEM SET synchronous_standby_names = 'away'")
        own_postgres.execute("SELECT pg_reload_conf()")
        first = str(new_order_id())
        assert await _place(http, first) == (503, "Outcome unknown")
        for _ in range(3):
            assert await _place(http, str(new_order_id())) == (503, "Unavailable")
        intake = await _intake(http)
        assert (intake["ok"], intake["unresolved_commits"]) == (False, 1)
        hanging = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        assert own_postgres.execute(hanging) == "1"

        own_postgres.execute("ALTER SYSTEM RESET synchronous_standby_names")
        own_postgres.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(WITHIN):  # without any order that would try
            while not (intake := await _intake(http)).get("ok", True):
                await asyncio.sleep(POLL)
        assert intake.get("unresolved_commits", 0) == 0
        assert await _place(http, first) == (200, None)
        assert await _place(http, str(new_order_id())) == (201, None)


async def _place(http: aiohttp.ClientSession, order_id: str) -> tuple[int, str | None]:
    body = {"order_id": order_id, "store": "uptown", "drink": "latte"}
    async with http.post("/api/orders", json=body) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
        return response.status, answer.get("title")


async def _intake(http: aiohttp.ClientSession) -> dict[str, Any]:
    """Return the health of the intake, without what has its default."""
    async with http.get("/readyz") as response:
        answer: dict[str, Any] = await response.json()
        intake: dict[str, Any] = answer["parts"]["intake"]
        return intake
