"""Requests that no client of good will sends: answered with 4xx, and neighbours unharmed."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections import Counter
from collections.abc import Iterator

import aiohttp
import pytest
from yarl import URL

from coffeert.logs import configure_logs

LINE = b'{"store": "uptown", "drink": "latte"}\n'
NDJSON = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
JSON = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

NOT_HTTP = {
    "noise": b"\x00\x01\x02\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another method": b"BREW /api/menu HTTP/1.1\r\nHost: x\r\n\r\n",
    "a huge header": b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
    "a long address": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Content-Length: 6\r\n\r\naaaaaa",
    "a length and chunks": b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a broken chunk": b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
}


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """What goes to stderr, with logging set up as in a server."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("info", "text")
    yield capsys
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("name", NOT_HTTP)
async def test_what_is_not_http_is_refused_without_a_trace(
    name: str, log: pytest.CaptureFixture[str], server_url: str
) -> None:
    url = URL(server_url)
    assert url.host is not None
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(NOT_HTTP[name])
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] == b"400"
    assert b"\x00" not in answer
    assert "Traceback" not in log.readouterr().err


async def test_a_body_that_is_not_in_its_encoding_is_malformed(
    http: aiohttp.ClientSession, log: pytest.CaptureFixture[str]
) -> None:
    for body in (b"zzz", gzip.compress(LINE)[:-12]):
        async with http.post("/api/orders", data=body, headers=JSON) as response:
            assert response.status == 400
            assert response.content_type == "application/problem+json"
    assert "Traceback" not in log.readouterr().err


async def test_a_small_body_that_unpacks_to_a_huge_one_is_too_large(
    http: aiohttp.ClientSession,
) -> None:
    body = gzip.compress(b" " * 50_000_000)
    async with http.post("/api/orders", data=body, headers=JSON) as response:
        assert response.status == 413


async def test_a_batch_that_turns_to_noise_tells_what_was_stored(
    http: aiohttp.ClientSession,
) -> None:
    whole = gzip.compress(LINE * 3)
    async with http.post("/api/orders/batch", data=whole, headers=NDJSON) as response:
        assert (response.status, (await response.json())["accepted"]) == (200, 3)

    broken = bytearray(gzip.compress(LINE * 3000))
    broken[-6] ^= 0xFF  # in the sum that its end is checked by
    async with http.post("/api/orders/batch", data=bytes(broken), headers=NDJSON) as response:
        answer = await response.json()
    assert response.status == 400
    assert answer["problem"]["status"] == 400
    assert 0 <= answer["accepted"] < 3000
    async with http.get("/livez") as response:
        assert response.status == 200


async def test_a_flood_of_resyncs_is_answered_by_few_snapshots(http: aiohttp.ClientSession) -> None:
    flood, types = 1000, Counter[str]()
    async with http.ws_connect("/ws/dashboard") as socket:
        for _ in range(flood):
            await socket.send_str('{"type":"resync"}')
        order = {"type": "order", "ref": "last", "store": "uptown", "drink": "latte"}
        await socket.send_json(order)
        async with asyncio.timeout(20):
            while not types["ack"]:
                types[(await socket.receive_json())["type"]] += 1
        # One for each round at most, and the last one asked for does come.
        assert types["snapshot"] < flood / 2
        await socket.send_str('{"type":"resync"}')
        async with asyncio.timeout(20):
            while (await socket.receive_json())["type"] != "snapshot":
                pass
