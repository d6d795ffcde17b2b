"""An order whose client disconnects before it was sent to PostgreSQL is not stored."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import aiohttp
import asyncpg

from coffeert.domain.orders import new_order_id
from tests.integration.server.conftest import RunServer
from tests.integration.server.wire import reset
from tests.waiting import POLL, WITHIN


async def test_a_queued_order_whose_client_has_disconnected_is_not_stored(
    run_server: RunServer, database_url: str, opened: AsyncExitStack
) -> None:
    held = await asyncpg.connect(database_url)
    opened.push_async_callback(held.close)
    async with (
        run_server(max_concurrent_commits=1, max_queue_seconds=60) as url,
        aiohttp.ClientSession(url) as http,
        asyncio.TaskGroup() as group,
    ):
        async with held.transaction():
            await held.execute("LOCK TABLE orders IN SHARE MODE")
            staying = str(new_order_id())
            first = group.create_task(_order(http, staying))
            async with asyncio.timeout(WITHIN):
                while not await held.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(POLL)
            # The only writer is blocked now, so the second order is queued.
            _, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
            body = json.dumps(_draft(str(new_order_id()))).encode()
            head = (
                "POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            )
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            async with asyncio.timeout(WITHIN):
                while await _queue(http) != 1:
                    await asyncio.sleep(POLL)
            reset(writer)
            for _ in range(10):  # the server notices before it answers these
                await _queue(http)
        assert (await first) == 201
    stored = [str(row["order_id"]) for row in await held.fetch("SELECT order_id FROM orders")]
    assert stored == [staying]


async def _order(http: aiohttp.ClientSession, order_id: str) -> int:
    async with http.post("/api/orders", json=_draft(order_id)) as response:
        return response.status


async def _queue(http: aiohttp.ClientSession) -> int:
    async with http.get("/readyz") as response:
        return int((await response.json())["parts"]["intake"]["queue"])


def _draft(order_id: str) -> dict[str, str]:
    return {"order_id": order_id, "store": "uptown", "drink": "latte"}
