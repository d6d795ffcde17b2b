"""Nobody before aiohttp takes what it has for a request, and a half-closed client gets its answer."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from coffeert.server.ingest.load_shedding import LoadShedder
from tests.integration.server.conftest import RunServer
from tests.integration.server.wire import connection
from tests.waiting import POLL

BODY = json.dumps({"store": "uptown", "drink": "latte"}).encode()
ORDER = (
    b"POST /api/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def shedding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every order is refused, as under overload."""
    monkeypatch.setattr(LoadShedder, "try_admit", lambda self, orders=1: False)
    monkeypatch.setattr(LoadShedder, "_judge", lambda self, now, waited: None)
    usual = LoadShedder.__init__

    def init(self: LoadShedder, *args: object, **kwargs: object) -> None:
        usual(self, *args, **kwargs)  # type: ignore[arg-type] # whatever it takes
        self.shedding = True

    monkeypatch.setattr(LoadShedder, "__init__", init)


async def read_all(reader: asyncio.StreamReader, seconds: float = 10) -> bytes:
    async with asyncio.timeout(seconds):
        return await reader.read()


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answers)]


@pytest.mark.usefixtures("shedding")
async def test_a_body_that_looks_like_an_order_is_never_answered(run_server: RunServer) -> None:
    async with run_server() as url:
        for _ in range(20):
            async with connection(url) as (reader, writer):
                head = LIVEZ[:-2] + b"Content-Length: %d\r\n\r\n" % len(ORDER)
                writer.write(head)
                first = await asyncio.wait_for(reader.readuntil(b"ok\n"), 10)
                assert statuses(first) == [200]
                assert b"\r\nConnection: close\r\n" in first  # the body was not read yet
                writer.write(ORDER)
                writer.write(LIVEZ)
                assert await read_all(reader) == b""


@pytest.mark.usefixtures("shedding")
async def test_a_body_that_arrives_in_time_is_a_body(run_server: RunServer) -> None:
    async with run_server() as url, connection(url) as (reader, writer):
        writer.write(LIVEZ[:-2] + b"Content-Length: %d\r\n\r\n" % len(ORDER) + ORDER + LIVEZ)
        writer.write_eof()
        assert statuses(await read_all(reader)) == [200, 200]


@pytest.mark.parametrize("path", ["/api/orders", "/api/orders/batch"])
@pytest.mark.usefixtures("shedding")
@pytest.mark.long
async def test_aiohttps_handlers_shed_load_before_the_body_is_read(
    run_server: RunServer, path: str
) -> None:
    async with run_server() as url, connection(url) as (reader, writer):
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x\r\n"
            "Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n".encode()
        )
        answer = await read_all(reader, 20)
        assert statuses(answer) == [503]
        assert b"\r\nRetry-After: 1\r\n" in answer
        assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.usefixtures("shedding")
async def test_load_is_shed_on_connections_that_aiohttp_has(run_server: RunServer) -> None:
    async with run_server() as url, connection(url) as (reader, writer):
        writer.write(LIVEZ + ORDER + ORDER)
        writer.write_eof()
        assert statuses(await read_all(reader)) == [200, 503, 503]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (ORDER, [201]),
        (ORDER + ORDER, [201, 201]),
        (LIVEZ, [200]),
        (LIVEZ + LIVEZ + LIVEZ, [200, 200, 200]),
        (ORDER + LIVEZ + ORDER, [201, 200, 201]),
        (ORDER[:-1], []),
        (LIVEZ[:-1], []),
    ],
    ids=range(7),
)
async def test_a_client_that_closes_its_half_gets_its_answers(
    run_server: RunServer, sent: bytes, expected: list[int]
) -> None:
    async with run_server() as url, connection(url) as (reader, writer):
        writer.write(sent)
        writer.write_eof()
        assert statuses(await read_all(reader)) == expected


async def test_the_other_half_is_closed_though_aiohttp_reads_on(run_server: RunServer) -> None:
    """The end may come long after the answer, or while the next request is incomplete."""
    async with run_server() as url, connection(url) as (reader, writer):
        writer.write(LIVEZ)
        assert statuses(await reader.readuntil(b"ok\n")) == [200]
        writer.write(LIVEZ[:10])
        writer.write_eof()
        assert await read_all(reader) == b""


async def test_http_1_1_without_a_host_is_refused(run_server: RunServer) -> None:
    async with run_server() as url, connection(url) as (reader, writer):
        writer.write(ORDER.replace(b"Host: localhost\r\n", b""))
        assert statuses(await read_all(reader)) == [400]


async def test_http_1_0_with_chunks_is_the_last_request(run_server: RunServer) -> None:
    async with run_server() as url, connection(url) as (reader, writer):
        head = ORDER[: ORDER.index(b"\r\n\r\n") + 4].replace(b"HTTP/1.1", b"HTTP/1.0")
        head = re.sub(rb"Content-Length: \d+", b"Connection: keep-alive", head)
        head = head.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost")
        writer.write(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY) + LIVEZ)
        assert statuses(await read_all(reader)) == [201]


HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend front
    bind 127.0.0.1:{front}
    default_backend back
backend back
    http-reuse always
    server one 127.0.0.1:{back}
"""
PROXIES = ["none", *(["haproxy"] if shutil.which("haproxy") else [])]


@asynccontextmanager
async def through(proxy: str, url: str, directory: Path) -> AsyncIterator[str]:
    """The URL of a server, or of a proxy in front of it."""
    if proxy == "none":
        yield url
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = directory / "haproxy.cfg"
    config.write_text(HAPROXY.format(front=port, back=url.rsplit(":", 1)[1]))
    process = await asyncio.create_subprocess_exec(proxy, "-q", "-f", str(config))
    front = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(10):
            while not await _answers(front):
                await asyncio.sleep(POLL)
        yield front
    finally:
        process.terminate()
        await process.wait()


async def _answers(url: str) -> bool:
    try:
        async with connection(url):
            return True
    except OSError:
        return False


@pytest.mark.long
@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.usefixtures("shedding")
async def test_beside_an_attacker_everybody_gets_their_own_answer(
    run_server: RunServer, tmp_path: Path, proxy: str
) -> None:
    """A proxy sends the requests of strangers over one connection, behind the body of an attacker's."""

    async def attack(url: str) -> None:
        async with connection(url) as (reader, writer):
            writer.write(LIVEZ[:-2] + b"Content-Length: %d\r\n\r\n" % len(ORDER))
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await reader.readuntil(b"ok\n")
                writer.write(ORDER)
                await reader.read()

    async def ask(url: str, wrong: list[object]) -> None:
        async with aiohttp.ClientSession(url) as http:
            for _ in range(60):
                # A proxy may find that a connection which it kept is closed, and says so itself.
                async with http.get("/api/menu") as answer:
                    if answer.status != 200 and answer.headers.get("Server"):
                        wrong.append((answer.status, await answer.text()))

    wrong: list[object] = []
    async with (
        run_server() as server,
        through(proxy, server, tmp_path) as url,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(4):
            group.create_task(ask(url, wrong))
        for _ in range(30):
            group.create_task(attack(url))
    assert wrong == []
