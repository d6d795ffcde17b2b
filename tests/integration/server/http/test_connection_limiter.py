"""How many connections an address may have, how fast it may order, and how slowly it may send."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from structlog.testing import CapturingLogger

from coffeert.server.http.aiohttp_connection import AiohttpConnection
from coffeert.server.http.connection_limiter import ConnectionLimiter
from tests.integration.server.conftest import RunServer
from tests.integration.server.wire import Pipe, answer_to, connection, ends

LATTE = {"store": "uptown", "drink": "latte"}


async def test_headers_that_never_end_are_cut_off(run_server: RunServer) -> None:
    async with (
        run_server(header_timeout=0.5) as url,
        aiohttp.ClientSession(url) as http,
        connection(url) as (reader, writer),
    ):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        drip = asyncio.create_task(keep_dripping(writer))
        assert await ends(reader)
        await drip
        assert (await http.get("/livez")).status == 200


async def test_a_connection_that_never_says_a_word_is_closed(run_server: RunServer) -> None:
    async with (
        run_server(header_timeout=0.5) as url,
        aiohttp.ClientSession(url) as http,
        connection(url) as (reader, _),
    ):
        assert await ends(reader)
        assert (await http.get("/livez")).status == 200


async def test_those_who_are_cut_off_do_not_fill_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffeert.server.http.connection_limiter.log", log := CapturingLogger())
    limiter = ConnectionLimiter(connections=0, rate=0, header_timeout=1)
    for second in range(0, 300, 2):
        silent, slow = (
            AiohttpConnection(asyncio.Protocol(), limiter),
            AiohttpConnection(asyncio.Protocol(), limiter),
        )
        for one in (silent, slow):
            one.connection_made(Pipe("127.0.0.1"))
        slow.data_received(b"GET")
        now = asyncio.get_running_loop().time()
        limiter.sweep(now + 2 + second)
        for one in (silent, slow):
            one.connection_lost(None)
    assert limiter.aborted == 300
    told = [call.kwargs["connections"] for call in log.calls]
    assert len(told) == 5
    assert sum(told) + limiter.unreported == 150


async def test_what_is_not_http_is_not_repeated(run_server: RunServer) -> None:
    async with run_server() as url, connection(url) as (reader, writer):
        writer.write(b"PRI / HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        assert b" 400 " in answer
        assert b"application/problem+json" in answer
        assert b"secret" not in answer


@pytest.mark.parametrize("path", ["/api/orders", "/api/orders/batch"])
@pytest.mark.long
async def test_a_body_that_never_comes_is_answered_and_cut_off(
    run_server: RunServer, path: str
) -> None:
    kind = "x-ndjson" if path.endswith("batch") else "json"
    async with run_server(body_timeout=0.2) as url, connection(url) as (reader, writer):
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/{kind}\r\n"
            "Content-Length: 1000\r\n\r\n{".encode()
        )
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
        assert await ends(reader)


async def test_an_idle_connection_is_left_alone(run_server: RunServer) -> None:
    async with run_server(header_timeout=0.5) as url, connection(url) as (reader, writer):
        for _ in range(2):
            writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"ok\n"), 10)
            # Other dawdlers are swept out meanwhile; this one stays.
            async with connection(url) as (other, dawdler):
                dawdler.write(b"GET")
                assert await ends(other)


async def test_an_address_gets_only_so_many_connections() -> None:
    limiter = ConnectionLimiter(connections=2, rate=0, header_timeout=10)

    def knock(address: str) -> tuple[AiohttpConnection, Pipe]:
        connection, pipe = AiohttpConnection(asyncio.Protocol(), limiter), Pipe(address)
        connection.connection_made(pipe)
        return connection, pipe

    first, _ = knock("192.0.2.1")
    knock("192.0.2.1")
    third, refused = knock("192.0.2.1")
    assert refused.closed
    assert refused.written.startswith(b"HTTP/1.1 429 ")
    head, body = refused.written.split(b"\r\n\r\n")
    assert b"Retry-After: " in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["status"] == 429
    third.connection_lost(None)
    assert not knock("192.0.2.2")[1].closed
    for _ in range(10):
        assert not knock("127.0.0.1")[1].closed
    first.connection_lost(None)
    assert not knock("192.0.2.1")[1].closed


async def test_the_connections_of_an_address_share_its_rate() -> None:
    limiter = ConnectionLimiter(connections=0, rate=5, header_timeout=10)
    connections = [AiohttpConnection(asyncio.Protocol(), limiter) for _ in range(3)]
    for one, address in zip(connections, ("192.0.2.1", "192.0.2.1", "192.0.2.2"), strict=True):
        assert limiter.add(one, address)
    assert connections[0].bucket is connections[1].bucket is not None
    assert connections[2].bucket is not connections[0].bucket
    limiter.remove(connections[0], "192.0.2.1")
    limiter.remove(connections[1], "192.0.2.1")
    again = AiohttpConnection(asyncio.Protocol(), limiter)
    assert limiter.add(again, "192.0.2.1")
    assert again.bucket is connections[0].bucket


async def test_too_many_orders_are_refused_on_every_way(
    run_server: RunServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coffeert.server.http.connection_limiter.is_local_address", lambda _: False)
    async with (
        run_server(max_orders_per_second_per_ip=0.001) as url,
        aiohttp.ClientSession(url) as http,
    ):
        assert (await http.post("/api/orders", json=LATTE)).status == 201
        async with http.post("/api/orders", json=LATTE) as refused:
            assert refused.status == 429
            assert int(refused.headers["Retry-After"]) >= 1
        ndjson = {"Content-Type": "application/x-ndjson"}
        async with http.post("/api/orders/batch", data=json.dumps(LATTE), headers=ndjson) as batch:
            assert batch.status == 429
        async with http.ws_connect("/ws/dashboard") as socket:
            await socket.send_json({"type": "order", "ref": "1"} | LATTE)
            assert (await answer_to(socket, "1"))["status"] == 429


async def keep_dripping(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"X-Drip: 1\r\n")
        await asyncio.sleep(0.05)
