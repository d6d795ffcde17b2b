"""Logging in to the page: who gets a cookie, what it opens, and what it never does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from redis.asyncio import Redis

from coffeert.server.http.read_cookie import ReadCookie
from coffeert.wire.frames import LOGIN_EXPIRED
from tests.integration.server.conftest import RunServer
from tests.integration.server.wire import answer_to

TOKEN, READ = "orders-and-reads-0123456789", "reads-only-0123456789"
LATTE = {"store": "uptown", "drink": "latte"}
TOKENS = {"token": TOKEN, "read_token": READ}


@asynccontextmanager
async def visitor(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser's session, with its cookies."""
    jar = aiohttp.CookieJar(unsafe=True)  # of addresses, too
    async with aiohttp.ClientSession(url, cookie_jar=jar) as http:
        yield http


async def log_in(http: aiohttp.ClientSession, token: str = READ) -> int:
    return (await http.post("/login", json={"token": token})).status


async def known(http: aiohttp.ClientSession) -> bool:
    return bool((await (await http.get("/login")).json())["known"])


@pytest.mark.parametrize("token", [TOKEN, READ])
async def test_either_token_becomes_a_cookie_that_reads(run_server: RunServer, token: str) -> None:
    async with run_server(**TOKENS) as url, visitor(url) as http:
        assert not await known(http)
        assert (await http.get("/api/dashboard")).status == 401
        assert await log_in(http, token) == 200
        assert await known(http)
        for path in ("/api/dashboard", "/api/menu", "/metrics", "/api/report"):
            assert (await http.get(path)).status == 200
        async with http.ws_connect("/ws/dashboard") as socket:
            assert (await socket.receive_json())["type"] == "hello"


async def test_a_cookie_orders_and_voids_nothing(run_server: RunServer) -> None:
    async with run_server(**TOKENS) as url, visitor(url) as http:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        order = await (await http.post("/api/orders", json=LATTE, headers=bearer)).json()
        await log_in(http, TOKEN)
        ndjson = {"Content-Type": "application/x-ndjson"}
        void = f"/api/orders/{order['order_id']}/void"
        assert (await http.post("/api/orders", json=LATTE)).status == 403
        assert (await http.post(void)).status == 403
        batch = await http.post("/api/orders/batch", data=json.dumps(LATTE), headers=ndjson)
        assert batch.status == 403
        async with http.ws_connect("/ws/dashboard") as socket:
            for number, frame in enumerate(
                ({"type": "order"} | LATTE, {"type": "void", "void": order["order_id"]})
            ):
                await socket.send_json(frame | {"ref": str(number)})
                assert (await answer_to(socket, str(number)))["status"] == 403
        assert (await (await http.get("/api/dashboard")).json())["view"]["totals"]["day"][0] == 1


async def test_another_process_with_the_token_takes_it_too(run_server: RunServer) -> None:
    async with run_server(**TOKENS) as one, run_server(**TOKENS) as other:
        async with visitor(one) as http:
            await log_in(http)
            cookies = {cookie.key: cookie.value for cookie in http.cookie_jar}
        async with aiohttp.ClientSession(other, cookies=cookies) as http:
            assert (await http.get("/api/dashboard")).status == 200


async def test_logging_out_takes_it_away(run_server: RunServer) -> None:
    async with run_server(**TOKENS) as url, visitor(url) as http:
        await log_in(http)
        assert (await http.post("/logout")).status == 200
        assert not await known(http)
        assert len(http.cookie_jar) == 0


@pytest.mark.long
async def test_a_socket_ends_with_the_cookie_that_opened_it(run_server: RunServer) -> None:
    almost = ReadCookie(READ, 60, clock=lambda: time.time() - 58)
    value = almost.field(secure=False).split(";")[0].partition("=")[2]
    async with (
        run_server(**TOKENS, login_lifetime=60) as url,
        aiohttp.ClientSession(url, cookies={almost.name: value}) as http,
        http.ws_connect("/ws/dashboard") as socket,
    ):
        async with asyncio.timeout(20):
            async for _ in socket:
                pass
        assert socket.close_code == LOGIN_EXPIRED
        assert not await known(http)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"token": "wrong"}, {"token": ""}, {"code": ""}, {"code": "made-up"}, {"token": None},
        {"token": READ, "code": "x"}, {"token": READ, "more": 1}, {"token": 5}, [], "x", None,
    ],
)  # fmt: skip
async def test_nothing_else_opens_it(run_server: RunServer, body: object) -> None:
    async with run_server(**TOKENS) as url, visitor(url) as http:
        answer = await http.post("/login", json=body)
        assert answer.status in {400, 401, 415}
        assert "Set-Cookie" not in answer.headers
        assert not await known(http)


@pytest.mark.long
async def test_wrong_tokens_slow_the_right_one_and_do_not_stop_it(run_server: RunServer) -> None:
    async with run_server(**TOKENS) as url, visitor(url) as http:
        began = time.monotonic()
        for _ in range(3):
            assert await log_in(http, "wrong") == 401
        assert await log_in(http) == 200
        assert time.monotonic() - began > 0.25 + 0.5 + 1.0
        began = time.monotonic()
        assert await log_in(http) == 200
        assert time.monotonic() - began < 0.25


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize("origin", ["https://evil.example", "https://shop.example", "null"])
async def test_other_pages_neither_log_in_nor_out(
    run_server: RunServer, path: str, origin: str
) -> None:
    allowed = ("https://shop.example",)
    async with run_server(**TOKENS, allowed_origins=allowed) as url, visitor(url) as http:
        answer = await http.post(path, json={"token": READ}, headers={"Origin": origin})
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


async def test_a_form_of_another_page_cannot_log_in(run_server: RunServer) -> None:
    async with run_server(**TOKENS) as url, visitor(url) as http:
        assert (await http.post("/login", data={"token": READ})).status == 415
        plain = {"Content-Type": "text/plain"}
        sent = await http.post("/login", data=json.dumps({"token": READ}), headers=plain)
        assert sent.status == 415


@pytest.mark.parametrize("origin", ["https://evil.example", "https://shop.example", "null"])
async def test_a_cookie_is_for_our_own_page_only(run_server: RunServer, origin: str) -> None:
    allowed = ("https://shop.example",)
    async with run_server(**TOKENS, allowed_origins=allowed) as url, visitor(url) as http:
        await log_in(http)
        headers = {"Origin": origin}
        assert (await http.get("/api/dashboard", headers=headers)).status in {401, 403}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect("/ws/dashboard", headers=headers)
        assert refused.value.status in {401, 403}
        own = {"Origin": url}
        async with http.ws_connect("/ws/dashboard", headers=own) as socket:
            assert (await socket.receive_json())["type"] == "hello"


async def link(http: aiohttp.ClientSession, token: str = READ) -> dict[str, str | None]:
    headers = {"Authorization": f"Bearer {token}"}
    made: dict[str, str | None] = await (await http.post("/login-link", headers=headers)).json()
    return made


@pytest.mark.parametrize("token", [TOKEN, READ])
async def test_a_link_logs_in_once_at_any_process(run_server: RunServer, token: str) -> None:
    async with run_server(**TOKENS) as url, run_server(**TOKENS) as other, visitor(other) as http:
        async with aiohttp.ClientSession(url) as terminal:
            made = await link(terminal, token)
        assert (await http.post("/login", json={"code": made["code"]})).status == 200
        assert await known(http)
        async with visitor(url) as second:
            assert (await second.post("/login", json={"code": made["code"]})).status == 401


async def test_redis_does_not_hold_the_code(run_server: RunServer, redis_url: str) -> None:
    async with run_server(**TOKENS) as url, aiohttp.ClientSession(url) as http:
        code = (await link(http))["code"]
        assert code
        async with Redis.from_url(redis_url) as redis:
            (key,) = [name async for name in redis.scan_iter("*login-code*")]
            assert code.encode() not in key
            assert 0 < await redis.ttl(key) <= 300


async def test_only_a_token_makes_links(run_server: RunServer) -> None:
    async with run_server(**TOKENS) as url, visitor(url) as http:
        assert (await http.post("/login-link")).status == 401
        await log_in(http)
        assert (await http.post("/login-link")).status == 403


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", None), ("::1", None), ("0.0.0.0", "http://{}:{}/")]
)
async def test_a_link_names_the_address_in_the_network(
    run_server: RunServer, monkeypatch: pytest.MonkeyPatch, host: str, address: str | None
) -> None:
    monkeypatch.setattr("coffeert.server.http.login.network_address", lambda: "192.0.2.7")
    async with run_server(**TOKENS, host=host) as url, aiohttp.ClientSession(url) as http:
        port = url.rsplit(":", 1)[1]
        made = await link(http)
        assert made["url"] == (address and address.format("192.0.2.7", port))


async def test_without_a_token_nobody_needs_to_log_in(run_server: RunServer) -> None:
    async with run_server() as url, visitor(url) as http:
        assert await (await http.get("/login")).json() == {
            "known": True, "login": False, "expires_in": None,
        }  # fmt: skip
        assert await log_in(http, "anything") == 200
        assert len(http.cookie_jar) == 0
        made = await (await http.post("/login-link")).json()
        assert (made["code"], made["url"]) == (None, None)
