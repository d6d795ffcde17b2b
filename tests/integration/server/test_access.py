"""Who gets in, with which token, from which page, how fast and how slowly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMessage, WSMsgType, web
from structlog.testing import CapturingLogger

from coffeert.config import load_config
from coffeert.errors import ConfigError
from coffeert.server.dashboard_socket import messages
from coffeert.server.doorway import Gate, Gatekeeper, is_local
from tests.integration.server.conftest import RunServer

TOKEN, READ = "orders-and-reads-0123456789", "reads-only-0123456789"
LATTE = {"store": "uptown", "drink": "latte"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("token", [TOKEN, READ])
@pytest.mark.parametrize("path", ["/api/dashboard", "/api/menu", "/metrics"])
async def test_either_token_reads(run_server: RunServer, token: str, path: str) -> None:
    async with (
        run_server(token=TOKEN, read_token=READ) as url,
        aiohttp.ClientSession(url) as http,
    ):
        assert (await http.get(path)).status == 401
        assert (await http.get(path, headers=bearer("wrong"))).status == 401
        assert (await http.get(path, headers=bearer("wrong\udcff"))).status in {400, 401}
        assert (await http.get(path, headers=bearer(token))).status == 200


async def test_only_the_ordering_token_orders(run_server: RunServer) -> None:
    async with (
        run_server(token=TOKEN, read_token=READ) as url,
        aiohttp.ClientSession(url) as http,
    ):
        statuses = {
            name: (await http.post("/api/orders", json=LATTE, headers=headers)).status
            for name, headers in (("none", {}), ("read", bearer(READ)), ("order", bearer(TOKEN)))
        }
        assert statuses == {"none": 401, "read": 403, "order": 201}
        ndjson = {"Content-Type": "application/x-ndjson"} | bearer(READ)
        batch = await http.post("/api/orders/batch", data=json.dumps(LATTE), headers=ndjson)
        assert batch.status == 403
        key = "01890000-0000-7000-8000-000000000000"
        void = await http.post(f"/api/orders/{key}/void", headers=bearer(READ))
        assert void.status == 403


@pytest.mark.parametrize(("token", "kind"), [(TOKEN, "ack"), (READ, "error")])
async def test_a_socket_orders_only_with_the_ordering_token(
    run_server: RunServer, token: str, kind: str
) -> None:
    async with (
        run_server(token=TOKEN, read_token=READ) as url,
        aiohttp.ClientSession(url) as http,
        http.ws_connect("/ws/dashboard", headers=bearer(token)) as socket,
    ):
        await socket.send_json({"type": "order", "ref": "1"} | LATTE)
        answer = await answer_to(socket, "1")
        assert answer["type"] == kind
        assert kind == "ack" or answer["status"] == 403


async def test_strangers_learn_only_whether_the_server_is_ready(run_server: RunServer) -> None:
    async with (
        run_server(token=TOKEN, read_token=READ) as url,
        aiohttp.ClientSession(url) as http,
    ):
        assert set(await (await http.get("/readyz")).json()) == {"ready", "closing"}
        told = await (await http.get("/readyz", headers=bearer(READ))).json()
        assert "parts" in told


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        (None, None, 201),
        ("http://127.0.0.1:{port}", None, 201),
        ("http://localhost:{port}", "localhost:{port}", 201),
        ("https://coffee.example", None, 201),
        ("http://evil.example", None, 403),
        ("null", None, 403),
        ("http://[", None, 403),
        # Its name points at this machine (DNS rebinding), so to the browser it is the same origin.
        ("http://evil.example:{port}", "evil.example:{port}", 403),
    ],
)
async def test_only_our_own_and_allowed_pages_may_order(
    run_server: RunServer, origin: str | None, host: str | None, status: int
) -> None:
    async with (
        run_server(allowed_origins=("https://coffee.example",)) as url,
        aiohttp.ClientSession(url) as http,
    ):
        port = url.rsplit(":", 1)[1]
        headers = {"Origin": origin, "Host": host}
        given = {name: text.format(port=port) for name, text in headers.items() if text}
        async with http.post("/api/orders", json=LATTE, headers=given) as answer:
            assert answer.status == status


async def test_headers_that_never_end_are_cut_off(run_server: RunServer) -> None:
    async with (
        run_server(header_timeout=0.5) as url,
        aiohttp.ClientSession(url) as http,
        connection(url) as (reader, writer),
    ):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
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
    monkeypatch.setattr("coffeert.server.doorway.log", log := CapturingLogger())
    keeper = Gatekeeper(connections=0, rate=0, header_timeout=1)
    for second in range(0, 300, 2):
        silent, slow = Gate(asyncio.Protocol, keeper), Gate(asyncio.Protocol, keeper)
        for gate in (silent, slow):
            gate.connection_made(Pipe("127.0.0.1"))
        slow.data_received(b"GET")
        now = asyncio.get_running_loop().time()
        keeper.sweep(now + 2 + second)
        for gate in (silent, slow):
            gate.connection_lost(None)
    assert keeper.cut == 300
    told = [call.kwargs["connections"] for call in log.calls]
    assert len(told) == 5
    assert sum(told) + keeper.untold == 150


async def test_what_is_not_http_is_not_repeated(run_server: RunServer) -> None:
    async with run_server() as url, connection(url) as (reader, writer):
        writer.write(b"PRI / HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        assert b" 400 " in answer
        assert b"application/problem+json" in answer
        assert b"secret" not in answer


async def test_one_that_has_gone_while_it_is_answered_is_no_fault_of_ours() -> None:
    class Gone(web.WebSocketResponse):
        async def receive(self, timeout: float | None = None) -> WSMessage:  # noqa: ASYNC109 (aiohttp)
            raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    assert [message async for message in messages(Gone())] == []


async def test_a_flood_of_pings_leaves_turns_to_others() -> None:
    class Flooded(web.WebSocketResponse):
        left, answered = 1000, 0

        async def receive(self, timeout: float | None = None) -> WSMessage:  # noqa: ASYNC109 (aiohttp)
            self.left -= 1
            kind = (WSMsgType.PONG, WSMsgType.PING)[self.left % 2]
            return WSMessage(kind if self.left else WSMsgType.CLOSED, b"", "")

        async def pong(self, message: bytes | str = b"") -> None:
            self.answered += 1

    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    flooded = Flooded()
    assert [message async for message in messages(flooded)] == []
    beside.cancel()
    assert flooded.answered == 500
    assert turns >= 50


async def test_a_ping_is_answered(server_url: str) -> None:
    async with (
        aiohttp.ClientSession(server_url) as http,
        http.ws_connect("/ws/dashboard", autoping=False) as socket,
    ):
        await socket.ping(b"there?")
        async with asyncio.timeout(10):
            while (message := await socket.receive()).type is not WSMsgType.PONG:
                assert message.type is WSMsgType.TEXT
        assert message.data == b"there?"


@pytest.mark.parametrize("path", ["/api/orders", "/api/orders/batch"])
async def test_a_body_that_never_comes_is_answered_and_cut_off(
    run_server: RunServer, path: str
) -> None:
    kind = "x-ndjson" if path.endswith("batch") else "json"
    async with run_server(body_timeout=0.2) as url, connection(url) as (reader, writer):
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/{kind}\r\n"
            "Content-Length: 1000\r\n\r\n{".encode()
        )
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
        assert await ends(reader)


async def test_an_idle_connection_is_left_alone(run_server: RunServer) -> None:
    async with run_server(header_timeout=0.5) as url, connection(url) as (reader, writer):
        for _ in range(2):
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"ok\n"), 10)
            # Other dawdlers are swept out meanwhile; this one stays.
            async with connection(url) as (other, dawdler):
                dawdler.write(b"GET")
                assert await ends(other)


class Pipe(asyncio.Transport):
    """A transport that only says who is at the other end, and keeps what is written."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1234)})
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


async def test_an_address_gets_only_so_many_connections() -> None:
    keeper = Gatekeeper(connections=2, rate=0, header_timeout=10)

    def knock(address: str) -> tuple[Gate, Pipe]:
        gate, pipe = Gate(asyncio.Protocol, keeper), Pipe(address)
        gate.connection_made(pipe)
        return gate, pipe

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
    keeper = Gatekeeper(connections=0, rate=5, header_timeout=10)
    gates = [Gate(asyncio.Protocol, keeper) for _ in range(3)]
    for gate, address in zip(gates, ("192.0.2.1", "192.0.2.1", "192.0.2.2"), strict=True):
        assert keeper.enter(gate, address)
    assert gates[0].allowance is gates[1].allowance is not None
    assert gates[2].allowance is not gates[0].allowance
    keeper.leave(gates[0], "192.0.2.1")
    keeper.leave(gates[1], "192.0.2.1")
    again = Gate(asyncio.Protocol, keeper)
    assert keeper.enter(again, "192.0.2.1")
    assert again.allowance is gates[0].allowance


async def test_too_many_orders_are_refused_on_every_way(
    run_server: RunServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coffeert.server.doorway.is_local", lambda _: False)
    async with run_server(client_orders_per_s=0.001) as url, aiohttp.ClientSession(url) as http:
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


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "0.0.0.0"},
        {"host": "192.0.2.1", "read_token": READ},
        {"host": "\x9b31m", "token": TOKEN},
        {"host": "127.0.0.1\n", "token": TOKEN},
        {"host": "", "token": TOKEN},
        {"token": ""},
        {"token": "  "},
        {"token": TOKEN, "read_token": ""},
        {"read_token": READ},
        {"token": TOKEN, "read_token": TOKEN},
    ],
)
def test_settings_that_would_let_strangers_in_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(**settings)
    assert str(refused.value).isprintable()
    for secret in (TOKEN, READ):
        assert secret not in str(refused.value)


def test_a_token_is_never_shown() -> None:
    config = load_config(token=TOKEN, read_token=READ, host="0.0.0.0")
    for text in (str(config), repr(config), config.model_dump_json()):
        assert TOKEN not in text
        assert READ not in text


@pytest.mark.parametrize(
    ("address", "local"),
    [("127.0.0.1", True), ("::1", True), ("", True), ("192.0.2.1", False), ("fe80::1%eth0", False)],
)
def test_this_machine_is_known_by_its_addresses(address: str, local: bool) -> None:
    assert is_local(address) == local


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def keep_dripping(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"X-Drip: 1\r\n")
        await asyncio.sleep(0.05)


async def ends(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 10)
    return reader.at_eof() or reader.exception() is not None


async def answer_to(socket: aiohttp.ClientWebSocketResponse, ref: str) -> dict[str, Any]:
    async for message in socket:
        frame: dict[str, Any] = json.loads(message.data)
        if frame.get("ref") == ref:
            return frame
    raise AssertionError("the socket has ended")
