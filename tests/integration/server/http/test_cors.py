"""Pages of allowed origins can send requests and read every answer; those of others get no such header."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.integration.server.conftest import RunServer
from tests.integration.server.http.exchange import exchange
from tests.unit.server.http.test_request_reader import WHOLE

PAGE, OTHER, TOKEN, READ = "https://shop.example", "https://evil.example", "s3cret", "r3ad"
LATTE = {"store": "uptown", "drink": "latte"}
KEYED = LATTE | {"order_id": "0190a1b2-c3d4-7e5f-8a6b-1c2d3e4f5a6b"}
PATHS = (
    "/api/orders",
    "/api/orders/batch",
    f"/api/orders/{KEYED['order_id']}/void",
    "/api/dashboard",
    "/api/menu",
    "/api/nowhere",
)
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def names(answer: aiohttp.ClientResponse, field: str) -> set[str]:
    return {name.strip().lower() for name in answer.headers[field].split(",")}


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_browser_is_told_what_a_page_may_send(
    run_server: RunServer, token: str | None
) -> None:
    async with (
        run_server(token=token, allowed_origins=(PAGE,)) as url,
        aiohttp.ClientSession(url) as http,
    ):
        for path in PATHS:
            async with http.options(path, headers=PREFLIGHT | {"Origin": PAGE}) as answer:
                assert (answer.status, await answer.read()) == (204, b"")
                assert answer.headers.getall("Access-Control-Allow-Origin") == [PAGE]
                assert {"get", "post"} <= names(answer, "Access-Control-Allow-Methods")
                assert {"authorization", "content-type", "idempotency-key"} <= names(
                    answer, "Access-Control-Allow-Headers"
                )
                assert int(answer.headers["Access-Control-Max-Age"]) > 60
                assert answer.headers.getall("Vary") == ["Origin"]


@pytest.mark.parametrize("origin", [OTHER, "null", f"{PAGE}.evil.example", "http://shop.example"])
@pytest.mark.parametrize("allowed", [(), (PAGE,)])
async def test_pages_of_other_origins_are_told_nothing_and_order_nothing(
    run_server: RunServer, origin: str, allowed: tuple[str, ...]
) -> None:
    headers = {"Origin": origin}
    async with run_server(allowed_origins=allowed) as url, aiohttp.ClientSession(url) as http:
        for answer in (
            await http.options("/api/orders", headers=PREFLIGHT | headers),
            await http.post("/api/orders", json=LATTE, headers=headers),
            await http.get("/api/menu", headers=headers),
        ):
            assert answer.status == 403
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert "Vary" in answer.headers if allowed else "Vary" not in answer.headers
        dashboard = await (await http.get("/api/dashboard")).json()
        assert dashboard["view"]["totals"]["day"][0] == 0


async def test_every_answer_can_be_read(run_server: RunServer) -> None:
    """By both ways: orders are answered in front of aiohttp until a connection has sent something else."""
    order, lines = json.dumps(KEYED), {"Content-Type": "application/x-ndjson"}
    body = {"Content-Type": "application/json"}
    requests = [
        ("POST", "/api/orders", bearer(TOKEN) | body, order, 201),
        ("POST", "/api/orders", bearer(TOKEN) | body, order, 200),
        ("POST", "/api/orders", bearer(TOKEN) | body, json.dumps(KEYED | {"quantity": 9}), 409),
        ("POST", "/api/orders/batch", bearer(TOKEN) | lines, order, 200),
        ("POST", "/api/orders", bearer(TOKEN) | body, json.dumps(LATTE | {"drink": "x"}), 422),
        ("POST", "/api/orders", bearer(TOKEN) | body, json.dumps(KEYED), 200),
        ("POST", "/api/orders", bearer(TOKEN) | body, "{", 400),
        ("POST", "/api/orders", bearer(TOKEN) | body, "x" * 20_000, 413),
        ("POST", "/api/orders", bearer(TOKEN), order, 415),
        ("POST", "/api/orders", body, order, 401),
        ("POST", "/api/orders", bearer(READ) | body, order, 403),
        ("GET", "/api/dashboard", bearer(READ), "", 200),
        ("GET", "/api/dashboard", {}, "", 401),
        ("GET", "/api/dashboard?at=x", bearer(READ), "", 422),
        ("GET", "/api/nowhere", bearer(READ), "", 404),
        ("DELETE", "/api/menu", bearer(READ), "", 405),
        ("GET", "/ws/dashboard", bearer(READ), "", 400),
    ]
    async with run_server(token=TOKEN, read_token=READ, allowed_origins=(PAGE, OTHER)) as url:
        for method, path, headers, data, status in requests:
            async with (
                aiohttp.ClientSession(url) as http,
                http.request(
                    method, path, headers=headers | {"Origin": PAGE}, data=data.encode()
                ) as answer,
            ):
                assert answer.status == status, (path, await answer.text())
                assert answer.headers.getall("Access-Control-Allow-Origin") == [PAGE]
                assert answer.headers.getall("Vary") == ["Origin"]
                readable = names(answer, "Access-Control-Expose-Headers")
                assert {"retry-after", "idempotent-replayed", "www-authenticate"} <= readable


@pytest.mark.parametrize("in_front", [True, False])
async def test_a_page_can_read_that_it_is_to_come_back_later(in_front: bool) -> None:
    request = WHOLE.replace(b"Host", b"Origin: http://shop.example\r\nHost")
    async with exchange() as at:
        at.shed()
        answers, _ = await at.answers([request], in_front=in_front)
    assert answers.startswith(b"HTTP/1.1 503 ")
    assert answers.count(b"\r\nAccess-Control-Allow-Origin: http://shop.example\r\n") == 1


async def test_a_cache_keeps_answers_of_origins_apart(run_server: RunServer) -> None:
    async with run_server(allowed_origins=(PAGE,)) as url, aiohttp.ClientSession(url) as http:
        async with http.get("/api/menu") as answer:
            assert answer.headers.getall("Vary") == ["Origin"]
            assert "Access-Control-Allow-Origin" not in answer.headers
        async with http.post("/api/orders", json=LATTE) as answer:
            assert "Vary" not in answer.headers
