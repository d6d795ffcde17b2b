"""Who gets in: with which token, from which page; and what becomes of sockets that misbehave."""

from __future__ import annotations

import json
import socket
from base64 import urlsafe_b64encode

import aiohttp
import pytest

from coffeert.config import load_config
from coffeert.errors import ConfigError
from tests.integration.server.conftest import RunServer
from tests.integration.server.wire import answer_to, connection

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
        ("http://evil.example:{port}", "evil.example:{port}", 421),
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


ROUTES = [
    ("GET", "/api/dashboard"),
    ("GET", "/api/dashboard?at=2026-01-31T09:30:00Z"),
    ("GET", "/api/menu"),
    ("GET", "/ws/dashboard"),
    ("GET", "/metrics"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/nowhere"),
    ("POST", "/api/orders"),
    ("POST", "/api/orders/batch"),
    ("POST", "/api/orders/0190a1b2-c3d4-7e5f-8a6b-1c2d3e4f5a6b/void"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_name_that_is_not_this_machines_reads_and_orders_nothing(
    http: aiohttp.ClientSession, method: str, path: str
) -> None:
    # A page's request to its own origin carries no Origin, wherever its name leads (DNS rebinding).
    headers = {"Host": "evil.example:8765", "Content-Type": "application/json"}
    if path.startswith("/ws"):
        headers |= {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }  # fmt: skip
    data = json.dumps(LATTE) if method == "POST" else None
    async with http.request(method, path, headers=headers, data=data) as response:
        assert response.status == 421
        assert response.content_type == "application/problem+json"
        assert "allowed_hosts" in (await response.json())["detail"]
    async with http.get("/api/dashboard") as response:
        assert (await response.json())["view"]["totals"]["day"][0] == 0


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST.:1", 200),
        ("127.0.0.1", 200),
        ("127.1.2.3:8765", 200),
        ("[::1]:8765", 200),
        (socket.gethostname(), 200),
        (f"{socket.gethostname().partition('.')[0].upper()}:8765", 200),
        ("shop.example", 200),
        ("SHOP.example.:8765", 200),
        ("evil.example", 421),
        ("shop.example.evil.example", 421),
        ("evil.shop.example", 421),
        ("192.0.2.1", 421),
        ("0.0.0.0", 421),
        ("localhost.evil.example", 421),
        ("localhost:evil.example", 421),
        ("localhost/evil.example", 421),
        ("localhost#.evil.example", 421),
        ("evil.example@localhost", 421),
        ("shop.example@evil.example", 421),
        (":8765", 421),
        ("[", 421),
    ],
)
async def test_without_a_token_the_host_is_a_name_of_this_machine(
    run_server: RunServer, host: str, status: int
) -> None:
    async with (
        run_server(allowed_hosts=("shop.example",)) as url,
        aiohttp.ClientSession(url) as http,
    ):
        forwarded = {"Host": host, "X-Forwarded-Host": "shop.example"}
        assert (await http.get("/api/menu", headers=forwarded)).status == status
        ordered = await http.post("/api/orders", json=LATTE, headers=forwarded)
        assert ordered.status == {200: 201}.get(status, status)


async def test_a_page_of_an_allowed_host_may_order(run_server: RunServer) -> None:
    async with (
        run_server(allowed_hosts=("shop.example",)) as url,
        aiohttp.ClientSession(url) as http,
    ):
        page = {"Host": "shop.example", "Origin": "http://shop.example"}
        assert (await http.post("/api/orders", json=LATTE, headers=page)).status == 201


async def test_with_a_token_any_host_will_do(run_server: RunServer) -> None:
    async with run_server(token=TOKEN) as url, aiohttp.ClientSession(url) as http:
        named = {"Host": "anything.example"}
        assert (await http.get("/api/menu", headers=named | bearer(TOKEN))).status == 200
        assert (await http.get("/api/menu", headers=named)).status == 401
        assert (await http.get("/livez", headers=named)).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/api/menu"])
async def test_http_1_0_needs_no_host(server_url: str, path: str) -> None:
    async with connection(server_url) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == b"200"


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


def offers(token: str) -> tuple[str, str]:
    """What a page's WebSocket can send instead of a header."""
    return "coffeert", "coffeert.bearer." + urlsafe_b64encode(token.encode()).decode().rstrip("=")


@pytest.mark.parametrize(("token", "status"), [(TOKEN, 201), (READ, 403), ("odd/+~", None)])
async def test_a_page_can_open_the_websocket_with_a_token(
    run_server: RunServer, token: str, status: int | None
) -> None:
    page = {"Origin": "https://shop.example"}
    async with (
        run_server(token=TOKEN, read_token=READ, allowed_origins=(page["Origin"],)) as url,
        aiohttp.ClientSession(url) as http,
    ):
        if status is None:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect("/ws/dashboard", headers=page, protocols=offers(token))
            assert refused.value.status == 401
            return
        async with http.ws_connect(
            "/ws/dashboard", headers=page, protocols=offers(token)
        ) as websocket:
            assert websocket.protocol == "coffeert"
            assert (await websocket.receive_json())["type"] == "hello"
            await websocket.send_json({"type": "order", "ref": "1"} | LATTE)
            async for message in websocket:
                answer = message.json()
                if answer["type"] in ("ack", "error"):
                    assert answer["status"] == status
                    break


@pytest.mark.parametrize(
    ("protocols", "origin", "status"),
    [
        (offers(TOKEN)[1:], "https://shop.example", 400),
        (("coffeert", "coffeert.bearer.%"), "https://shop.example", 401),
        (("coffeert", "coffeert.bearer."), "https://shop.example", 401),
        (("coffeert", TOKEN), "https://shop.example", 401),
        (offers(TOKEN), "https://evil.example", 403),
    ],
)
async def test_what_a_page_offers_is_checked_and_never_logged(
    run_server: RunServer,
    caplog: pytest.LogCaptureFixture,
    protocols: tuple[str, ...],
    origin: str,
    status: int,
) -> None:
    async with (
        run_server(token=TOKEN, allowed_origins=("https://shop.example",)) as url,
        aiohttp.ClientSession(url) as http,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect("/ws/dashboard", headers={"Origin": origin}, protocols=protocols)
        assert refused.value.status == status
    assert protocols[-1] not in caplog.text
