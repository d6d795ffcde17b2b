"""Connections answer orders as aiohttp does, and delegate to it what they cannot answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coffeert.server.http.orders import OrdersApi
from tests.integration.server.conftest import RunServer
from tests.waiting import POLL, WITHIN

KEY = b"00000000-0000-4000-8000-000000000000"  # stands for one made anew
LATTE = {"store": "uptown", "drink": "latte"}


class Line:
    """One connection, on which requests are sent as bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def ask(self, *requests: bytes) -> list[bytes]:
        """Send requests together and read as many answers."""
        self.send(b"".join(requests))
        return [await self.answer() for _ in requests]

    async def answer(self) -> bytes:
        async with asyncio.timeout(WITHIN):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length is not None
            return head + await self._reader.readexactly(int(length[1]))


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@asynccontextmanager
async def line(url: str) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(*address(url))
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def both_ways(url: str) -> AsyncIterator[tuple[Line, Line]]:
    """Two connections: a new one, and one that aiohttp has."""
    async with line(url) as fast, line(url) as framework:
        await framework.ask(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        yield fast, framework


def request(order: object, **headers: str) -> bytes:
    body = order if isinstance(order, bytes) else json.dumps(order).encode()
    given = {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST /api/orders HTTP/1.1\r\n{lines}\r\n".encode() + body


def without_moments(answer: bytes) -> bytes:
    """Blank what differs between any two answers: ids, times, and the date."""
    answer = re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"<id>", answer)
    answer = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", b"<time>", answer)
    answer = re.sub(rb"Content-Length: \d+", b"Content-Length: <n>", answer)
    return re.sub(rb"Date: [^\r]*", b"Date: <date>", answer)


@pytest.fixture
def no_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    async def reached(self: OrdersApi, request: object) -> None:
        pytest.fail("aiohttp was asked")

    monkeypatch.setattr(OrdersApi, "place", reached)


@pytest.mark.usefixtures("no_framework")
async def test_plain_orders_do_not_come_to_the_framework(run_server: RunServer) -> None:
    async with run_server() as url, line(url) as fast:
        order = LATTE | {"order_id": str(uuid4())}
        for expected in (b"201 Created", b"200 OK", b"200 OK"):
            (answer,) = await fast.ask(request(order))
            assert answer.split(b" ", 1)[1].startswith(expected)
        (answer,) = await fast.ask(request(order | {"drink": "tea"}))
        assert b" 409 Conflict" in answer


@pytest.mark.usefixtures("no_framework")
async def test_the_clients_of_the_field_are_plain(run_server: RunServer) -> None:
    async with run_server() as url, aiohttp.ClientSession(url) as http:
        for _ in range(3):
            async with http.post("/api/orders", json=LATTE) as response:
                assert response.status == 201
    curl = request(LATTE, User_Agent="curl/8.5.0", Accept="*/*")
    nginx = request(LATTE, X_Real_IP="192.0.2.1", X_Forwarded_For="192.0.2.1, 192.0.2.2")
    async with run_server() as url, line(url) as fast:
        for answer in [(await fast.ask(one))[0] for one in (curl, nginx)]:
            assert answer.startswith(b"HTTP/1.1 201 ")


ANY_ORDER = st.one_of(
    st.binary(max_size=40),
    st.fixed_dictionaries(
        {
            "store": st.sampled_from(["uptown", "nowhere", ""]),
            "drink": st.sampled_from(["latte", "tea", "gravel"]),
        },
        optional={
            "quantity": st.sampled_from([1, 2, 0, 100, -1, "2", 1.5]),
            "price": st.sampled_from([4.5, "4.50", "x", -1, 1e9]),
            "placed_at": st.sampled_from(
                ["2026-01-31T09:30:00+02:00", "2026-01-31T09:30:00", "2999-01-01T00:00:00Z"]
            ),
            "order_id": st.sampled_from([KEY.decode(), "x"]),
            "unknown": st.just(1),
        },
    ),
)
ANY_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Idempotency_Key": st.sampled_from([KEY.decode(), f'"{KEY.decode()}"', "x", ""]),
        "Content_Type": st.sampled_from(
            ["application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", ""]
        ),
        "Authorization": st.sampled_from(["Bearer x", "Basic eDp4"]),
        "Origin": st.just("http://elsewhere.example"),
        "Accept": st.just("*/*"),
        "Connection": st.just("keep-alive"),
        "Content_Encoding": st.sampled_from(["gzip", "identity"]),
        "X_Unknown": st.just("1"),
    },
)


@pytest.fixture
def running(run_server: RunServer) -> Iterator[tuple[asyncio.Runner, str]]:
    """A server for a test that is no coroutine."""
    with asyncio.Runner() as runner:
        server = run_server()
        yield runner, runner.run(server.__aenter__())
        runner.run(server.__aexit__(None, None, None))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(orders=st.lists(st.tuples(ANY_ORDER, ANY_HEADERS), min_size=1, max_size=5))
def test_both_ways_answer_the_same(
    orders: list[tuple[object, dict[str, str]]], running: tuple[asyncio.Runner, str]
) -> None:
    runner, url = running

    async def compare() -> None:
        async with both_ways(url) as ways:
            keys = [str(uuid4()) for _ in ways]  # each way has an order of its own to repeat
            for order, headers in orders:
                fast, framework = [
                    (await way.ask(request(order, **headers).replace(KEY, key.encode())))[0]
                    for way, key in zip(ways, keys, strict=True)
                ]
                assert without_moments(fast) == without_moments(framework)

    runner.run(compare())


async def test_requests_sent_ahead_are_answered_in_their_order(run_server: RunServer) -> None:
    async with run_server() as url, line(url) as fast:
        drinks = ["latte", "tea", "mocha"]
        (first,) = await fast.ask(request(LATTE))
        answers = await fast.ask(*(request(LATTE | {"drink": drink}) for drink in drinks))
        assert [json.loads(one.split(b"\r\n\r\n")[1])["drink"] for one in answers] == drinks
        (after,) = await fast.ask(request(LATTE))
        assert without_moments(first) == without_moments(after)


async def test_one_sent_while_another_waits_is_answered_after_it(
    run_server: RunServer, database_url: str
) -> None:
    held = await asyncpg.connect(database_url)
    async with run_server(max_queue_seconds=60) as url, line(url) as fast:
        async with held.transaction():
            await held.execute("LOCK TABLE orders IN SHARE MODE")
            fast.send(request(LATTE))
            async with asyncio.timeout(WITHIN):
                while not await held.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(POLL)
            fast.send(request(LATTE | {"drink": "tea"}) + request(LATTE | {"drink": "mocha"})[:-5])
        drinks = [json.loads((await fast.answer()).split(b"\r\n\r\n")[1])["drink"] for _ in "ab"]
        assert drinks == ["latte", "tea"]
        fast.send(request(LATTE | {"drink": "mocha"})[-5:])
        assert b'"mocha"' in await fast.answer()
    await held.close()


async def test_a_token_opens_the_fast_path_and_nothing_else_does(run_server: RunServer) -> None:
    async with run_server(token="right" * 5) as url:
        for header, status in (("Bearer " + "right" * 5, 201), ("Bearer wrong", 401), ("", 401)):
            async with line(url) as fast:
                headers = {"Authorization": header} if header else {}
                (answer,) = await fast.ask(request(LATTE, **headers))
                assert int(answer.split(b" ")[1]) == status


async def test_the_fast_path_counts_against_what_a_client_may_send(
    run_server: RunServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coffeert.server.http.connection_limiter.is_local_address", lambda _: False)
    async with run_server(max_orders_per_second_per_ip=1) as url, both_ways(url) as ways:
        answers = [(await way.ask(request(LATTE)))[0] for way in (*ways, ways[0])]
        assert [int(answer.split(b" ")[1]) for answer in answers] == [201, 429, 429]
        assert without_moments(answers[1]) == without_moments(answers[2])


async def test_an_order_too_large_is_left_to_the_framework(run_server: RunServer) -> None:
    async with run_server(max_body_bytes=1024) as url, line(url) as fast:
        (answer,) = await fast.ask(request(b" " * 2000))
        assert b" 413 " in answer


async def test_connections_end_with_the_server(run_server: RunServer) -> None:
    async with run_server() as url:
        silent, used, handed_over = [await asyncio.open_connection(*address(url)) for _ in range(3)]
        for (reader, writer), sent in (
            (used, request(LATTE)),
            (handed_over, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ):
            writer.write(sent)
            assert await reader.readuntil(b"\r\n\r\n")
    for reader, writer in (silent, used, handed_over):
        async with asyncio.timeout(WITHIN):
            await reader.read()
        writer.close()
        await writer.wait_closed()
