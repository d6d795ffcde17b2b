"""One key that an open SQL transaction holds does not stop the others."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import asyncpg

from coffeert.domain.orders import new_order_id
from tests.integration.server.conftest import RunServer
from tests.order_book import insert, order

_TILLS, _ORDERS = 8, 40


async def test_tills_go_on_beside_one_that_retries_a_contended_key(
    run_server: RunServer, database_url: str, opened: AsyncExitStack
) -> None:
    stranger = await asyncpg.connect(database_url)
    opened.push_async_callback(stranger.close)
    contended, acknowledged, refusals = order(), [], 0
    async with run_server() as url, aiohttp.ClientSession(url) as http:

        async def place(order_id: str) -> aiohttp.ClientResponse:
            body = {"order_id": order_id, "store": "uptown", "drink": "latte"}
            async with http.post("/api/orders", json=body) as response:
                await response.read()
                return response

        async def till() -> None:
            for _ in range(_ORDERS):
                order_id = str(new_order_id())
                assert (await place(order_id)).status == 201
                acknowledged.append(order_id)

        async def retry() -> None:
            nonlocal refusals
            while len(acknowledged) < _TILLS * _ORDERS:
                answer = await place(str(contended.order_id))
                assert answer.status == 503
                assert answer.headers["Retry-After"] == "1"
                refusals += 1

        rolled_back = stranger.transaction()
        await rolled_back.start()
        await insert(stranger, contended)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(retry())
            for _ in range(_TILLS):
                group.create_task(till())
        assert refusals
        await rolled_back.rollback()
        assert (await place(str(contended.order_id))).status == 201
    rows = await stranger.fetch("SELECT order_id::text FROM orders")
    assert sorted(row["order_id"] for row in rows) == sorted(
        [*acknowledged, str(contended.order_id)]
    )
