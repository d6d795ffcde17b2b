"""Batches in several chunks: the next is read while one is committed, and nothing else changes by it."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from coffeert.domain.orders import new_order_id
from tests.integration.server.conftest import RunServer
from tests.integration.server.wire import reset
from tests.waiting import POLL, WITHIN

_NDJSON = {"Content-Type": "application/x-ndjson"}
_NO_ROOM = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER no_room BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.quantity = 13) EXECUTE FUNCTION no_room();
"""


@pytest.fixture
async def held(database_url: str, opened: AsyncExitStack) -> asyncpg.Connection[asyncpg.Record]:
    """A connection of the test's own."""
    connection = await asyncpg.connect(database_url)
    opened.push_async_callback(connection.close)
    return connection


def _line(number: int, quantity: int = 1) -> str:
    order = {"store": "uptown", "drink": "latte", "quantity": quantity}
    return json.dumps(order | {"order_id": str(UUID(int=number))})


async def _sent(url: str, body: Any) -> tuple[int, dict[str, Any]]:
    """Send a batch; give the status and the report."""
    async with (
        aiohttp.ClientSession(url) as http,
        http.post("/api/orders/batch", data=body, headers=_NDJSON) as answer,
    ):
        return answer.status, await answer.json()


async def _stored(connection: asyncpg.Connection[asyncpg.Record]) -> list[int]:
    found = await connection.fetch("SELECT order_id FROM orders ORDER BY order_id")
    return [int(row["order_id"]) for row in found]


async def test_a_batch_that_breaks_off_stores_nothing_of_what_was_read_ahead(
    run_server: RunServer, held: asyncpg.Connection[asyncpg.Record]
) -> None:
    await held.execute(_NO_ROOM)
    lines = [_line(1), _line(2), _line(3), _line(4, 13), _line(5), _line(6), "{", _line(8)]
    async with run_server(max_batch_rows=2) as url:
        status, result = await _sent(url, "\n".join(lines))
    assert status == 503
    assert (result["accepted"], result["replayed"], result["rejected"]) == (2, 0, 0)
    assert result["problem"]["status"] == 503
    assert await _stored(held) == [1, 2]


@pytest.mark.long
async def test_a_batch_that_breaks_off_says_so_though_its_client_has_more_to_send(
    run_server: RunServer, held: asyncpg.Connection[asyncpg.Record]
) -> None:
    await held.execute(_NO_ROOM)
    told = asyncio.Event()

    async def body() -> Any:
        yield f"{_line(1)}\n{_line(2, 13)}\n{_line(3)}\n".encode()
        await told.wait()

    async with run_server(max_batch_rows=2) as url:
        async with asyncio.timeout(WITHIN):
            status, result = await _sent(url, body())
        told.set()
    assert (status, result["accepted"]) == (503, 0)
    assert await _stored(held) == []


@pytest.mark.long
async def test_what_was_committed_is_told_when_what_was_read_ahead_is_at_fault(
    run_server: RunServer, held: asyncpg.Connection[asyncpg.Record]
) -> None:
    async def body() -> Any:
        yield f"{_line(1)}\n{_line(2)}\n{_line(3)}\n".encode()
        await asyncio.Event().wait()  # and is silent from then on

    async with run_server(max_batch_rows=2, body_timeout=0.2) as url:
        status, result = await _sent(url, body())
    assert status == 408
    assert result["accepted"] == 2
    assert await _stored(held) == [1, 2]


async def test_of_a_batch_whose_client_has_gone_nothing_more_is_stored(
    run_server: RunServer, held: asyncpg.Connection[asyncpg.Record]
) -> None:
    body = "".join(f"{_line(number)}\n" for number in range(1, 7)).encode()
    async with (
        run_server(max_batch_rows=2, max_concurrent_commits=1, max_queue_seconds=60) as url,
        aiohttp.ClientSession(url) as http,
    ):
        async with held.transaction():
            await held.execute("LOCK TABLE orders IN SHARE MODE")
            _, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
            head = "POST /api/orders/batch HTTP/1.1\r\nHost: localhost\r\n"
            head += f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            async with asyncio.timeout(WITHIN):
                while not await held.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(POLL)
            reset(writer)
            for _ in range(10):  # the server hears of it before it answers these
                async with http.get("/readyz") as answer:
                    await answer.read()
        # It waits behind whatever the batch would still have stored: there is one writer.
        last = new_order_id()
        order = {"store": "uptown", "drink": "latte", "order_id": str(last)}
        async with http.post("/api/orders", json=order) as answer:
            assert answer.status == 201
    assert await _stored(held) == [1, 2, int(last)]


async def test_long_lines_make_short_chunks(
    run_server: RunServer, held: asyncpg.Connection[asyncpg.Record]
) -> None:
    lines = [_line(number).replace(", ", "," + " " * 12_000, 1) for number in range(1, 201)]
    async with run_server() as url:
        _, result = await _sent(url, io.BytesIO("\n".join(lines).encode()))
    assert result["accepted"] == len(lines)
    commits = await held.fetchval("SELECT count(DISTINCT xid) FROM orders")
    assert commits == 3  # of 1 MiB at most, and a line


async def test_a_void_waits_for_orders_that_could_not_be_stored(
    run_server: RunServer, held: asyncpg.Connection[asyncpg.Record]
) -> None:
    await held.execute(_NO_ROOM)
    lines = [_line(1), json.dumps({"void": str(UUID(int=1))}), _line(2, 13)]
    async with run_server() as url:
        assert (await _sent(url, _line(1)))[0] == 200
        status, result = await _sent(url, "\n".join(lines))
        assert (status, result["replayed"], result["accepted"]) == (503, 0, 0)
        assert await _stored(held) == [1]
        await held.execute("DROP TRIGGER no_room ON orders")
        status, result = await _sent(url, "\n".join(lines))
    assert (status, result["replayed"], result["accepted"]) == (200, 1, 2)
    assert await held.fetchval("SELECT count(*) FROM orders WHERE voids IS NOT NULL") == 1
