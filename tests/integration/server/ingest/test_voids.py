"""An order is voided once, by SQL or by the API, and whatever key the correction has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from coffeert.domain.order_keys import void_key
from tests.order_book import insert, order, void


async def _void(http: aiohttp.ClientSession, order_id: UUID) -> tuple[int, dict[str, Any]]:
    async with http.post(f"/api/orders/{order_id}/void") as response:
        return response.status, await response.json()


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_correction_inserted_by_sql_is_the_answer(
    http: aiohttp.ClientSession, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    sold = order()
    correction = void(sold)
    await insert(sql, sold, correction)
    status, body = await _void(http, sold.order_id)
    assert (status, body["order_id"], body["voids"]) == (
        200,
        str(correction.order_id),
        str(sold.order_id),
    )
    assert await sql.fetchval("SELECT count(*) FROM orders") == 2


async def test_an_order_under_the_key_of_a_correction_does_not_prevent_it(
    http: aiohttp.ClientSession, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    sold = order()
    await insert(sql, sold)
    body = {"store": "uptown", "drink": "tea", "order_id": str(void_key(sold.order_id))}
    async with http.post("/api/orders", json=body) as response:
        assert response.status == 201
    status, correction = await _void(http, sold.order_id)
    assert (status, correction["voids"], correction["quantity"]) == (201, str(sold.order_id), -1)
    assert await _void(http, sold.order_id) == (200, correction)
    assert await sql.fetchval("SELECT count(*) FROM orders") == 3
    # The one that took the key can be voided as well.
    status, other = await _void(http, UUID(body["order_id"]))
    assert (status, other["voids"]) == (201, body["order_id"])
