"""Requests that no client of good will sends: answered with 4xx, and neighbours unharmed."""

from __future__ import annotations

import asyncio
import gc
import gzip
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from coffeert.domain.orders import new_order_id
from coffeert.errors import ApiError
from coffeert.logs import configure_logs

LINE = b'{"store": "uptown", "drink": "latte"}\n'
NDJSON = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
JSON = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

NOT_HTTP = {
    "noise": b"\x00\x01\x02\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another method": b"BREW /api/menu HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a huge header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "
    + b"a" * 100_000
    + b"\r\n\r\n",
    "many headers": b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
    "a long address": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two lengths": b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    b"Content-Length: 6\r\n\r\naaaaaa",
    "a length and chunks": b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a broken chunk": b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
}


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    """What goes to stderr, with logging set up as in a server."""
    configure_logs("info", "text")
    return capsys


async def test_an_unknown_coding_of_a_batch_is_a_problem(http: aiohttp.ClientSession) -> None:
    headers = NDJSON | {"Content-Encoding": "br"}
    async with http.post("/api/orders/batch", data=LINE, headers=headers) as response:
        assert (response.status, response.content_type) == (415, "application/problem+json")


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


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "bare deflate"])
@pytest.mark.parametrize("kept", [1, 5, 30, 3 / 4, -9, -1, None])
async def test_a_batch_that_is_cut_short_is_noticed(
    http: aiohttp.ClientSession, coding: str, kept: float | None
) -> None:
    packed = packed_as(coding, LINE * 500)
    end = int(len(packed) * kept) if isinstance(kept, float) else kept
    headers = NDJSON | {"Content-Encoding": coding.removeprefix("bare ")}
    async with http.post("/api/orders/batch", data=packed[:end], headers=headers) as response:
        answer = await response.json()
    if kept is None:
        assert (response.status, answer["accepted"]) == (200, 500)
        return
    assert response.status == 400
    assert answer["problem"]["status"] == 400
    assert answer["rejected"] == 0
    assert "cut short" in answer["problem"]["detail"]


async def test_gzip_of_several_members_is_one_body(http: aiohttp.ClientSession) -> None:
    body = b"".join(gzip.compress(LINE * lines) for lines in (1, 0, 300, 2))
    for data in (body, pieces_of(body, 7)):
        async with http.post("/api/orders/batch", data=data, headers=NDJSON) as response:
            assert (response.status, (await response.json())["accepted"]) == (200, 303)
    async with http.post("/api/orders/batch", data=body + b"tail", headers=NDJSON) as response:
        assert response.status == 400


async def test_a_packed_order_is_an_order(http: aiohttp.ClientSession) -> None:
    for coding in ("gzip", "deflate", "identity"):
        headers = JSON | {"Content-Encoding": coding}
        data = packed_as(coding, LINE)
        async with http.post("/api/orders", data=data, headers=headers) as response:
            assert response.status == 201
    for coding in ("br", "zstd", "gzip, gzip", "x"):
        headers = JSON | {"Content-Encoding": coding}
        async with http.post("/api/orders", data=LINE, headers=headers) as response:
            assert response.status == 415
            assert response.content_type == "application/problem+json"


@pytest.mark.long
async def test_a_batch_that_unpacks_to_very_much_holds_nobody_up(
    http: aiohttp.ClientSession,
) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 1)
    nothings = gzip.compress(b"") * 20_000
    for body, rejected in ((bomb, 0), (nothings, 0), (gzip.compress(b"x" * 9_000_000), 1)):
        posting = asyncio.ensure_future(_post_batch(http, body))
        answered = 0
        while not posting.done():
            async with http.get("/livez") as response:
                answered += response.status == 200
        told = await posting
        assert (told["accepted"], told["rejected"]) == (0, rejected)
        assert answered > 0


async def test_two_keys_in_one_request_are_refused(http: aiohttp.ClientSession) -> None:
    one, other = str(new_order_id()), str(new_order_id())
    order = {"store": "uptown", "drink": "latte"}
    for keys in ([one, other], [one, one], [one, ""]):
        headers = CIMultiDict([("Idempotency-Key", key) for key in keys])
        async with http.post("/api/orders", json=order, headers=headers) as response:
            assert response.status == 400
            assert response.content_type == "application/problem+json"
            assert (await response.json())["errors"][0]["field"] == "Idempotency-Key"
    headers = CIMultiDict([("Idempotency-Key", one)])
    async with http.post("/api/orders", json=order, headers=headers) as response:
        assert (response.status, (await response.json())["order_id"]) == (201, one)


def packed_as(coding: str, data: bytes) -> bytes:
    """Compress data as a client with this `Content-Encoding` would."""
    bits = {"gzip": 31, "x-gzip": 31, "deflate": 15, "bare deflate": -15}.get(coding)
    if bits is None:
        return data
    packer = zlib.compressobj(wbits=bits)
    return packer.compress(data) + packer.flush()


async def pieces_of(data: bytes, size: int) -> AsyncIterator[bytes]:
    """Send data a few bytes at a time, in chunks."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def _post_batch(http: aiohttp.ClientSession, body: bytes) -> dict[str, Any]:
    async with http.post("/api/orders/batch", data=body, headers=NDJSON) as response:
        told: dict[str, Any] = await response.json()
        return told


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


async def test_refused_lines_are_not_left_to_the_garbage_collector(
    http: aiohttp.ClientSession,
) -> None:
    """A server collects seldom: what only a collection frees piles up, and then holds everyone up."""
    lines = [
        b"x",
        b'{"store":"uptown","drink":"latte","quantity":0}',
        b'{"store":"moon","drink":"tea"}',
    ]
    headers = {"Content-Type": "application/x-ndjson"}
    gc.collect()
    gc.disable()
    try:
        for line in lines:
            before = _refusals()
            async with http.post(
                "/api/orders/batch", data=(line + b"\n") * 300, headers=headers
            ) as response:
                assert (await response.json())["rejected"] == 300
            assert _refusals() - before < 100
    finally:
        gc.enable()


def _refusals() -> int:
    return sum(isinstance(thing, ApiError) for thing in gc.get_objects())


async def test_what_cannot_be_expected_is_refused_without_being_repeated(server_url: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server_url}/livez", headers={"Expect": "<b>wonders</b>"}) as answer,
    ):
        assert answer.status == 417
        assert answer.content_type == "application/problem+json"
        assert b"wonders" not in await answer.read()


async def test_who_asks_whether_to_go_on_is_told(server_url: str) -> None:
    order = {"store": "uptown", "drink": "latte"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server_url}/api/orders", json=order, expect100=True) as answer,
    ):
        assert answer.status == 201
