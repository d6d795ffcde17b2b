"""Orders over HTTP: each status of the table, and what lies in the database afterwards."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest

from coffeert.domain.orders import new_order_id

LATTE: dict[str, Any] = {"store": "uptown", "drink": "latte"}


async def rows(database_url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetch("SELECT * FROM orders ORDER BY order_id")
    finally:
        await connection.close()


async def problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = await response.json()
    assert body["status"] == response.status
    assert body["title"]
    assert body["detail"]
    return body


def fields(body: dict[str, Any]) -> set[str]:
    return {error["field"] for error in body.get("errors", [])}


async def test_an_order_is_stored_before_it_is_answered(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    order = LATTE | {
        "order_id": str(new_order_id()),
        "quantity": 2,
        "price": 4.35,
        "placed_at": "2026-01-31T09:30:00+02:00",
    }
    async with http.post("/api/orders", json=order) as response:
        assert response.status == 201
        stored = await response.json()
    assert stored["price"] == "4.35"
    assert stored["placed_at"] == "2026-01-31T07:30:00Z"
    (row,) = await rows(database_url)
    assert str(row["order_id"]) == order["order_id"]
    assert (row["store"], row["drink"], row["quantity"]) == ("uptown", "latte", 2)
    assert row["price_cents"] == 435


async def test_what_is_left_out_comes_from_the_menu_and_the_clock(
    http: aiohttp.ClientSession,
) -> None:
    before = datetime.now(UTC)
    async with http.post("/api/orders", json=LATTE) as response:
        assert response.status == 201
        stored = await response.json()
    assert stored["price"] == "4.80"
    assert stored["quantity"] == 1
    assert UUID(stored["order_id"]).version == 7
    assert before <= datetime.fromisoformat(stored["placed_at"]) <= datetime.now(UTC)


async def test_a_repeated_order_answers_the_same_body(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    order = LATTE | {"order_id": str(new_order_id())}
    async with http.post("/api/orders", json=order) as first:
        body = await first.read()
        assert first.status == 201
        assert "Idempotent-Replayed" not in first.headers
    for headers, again in (
        ({}, order),
        ({"Idempotency-Key": order["order_id"]}, LATTE),
        ({"Idempotency-Key": order["order_id"]}, order | {"price": "4.80", "quantity": 1}),
    ):
        async with http.post("/api/orders", json=again, headers=headers) as response:
            assert response.status == 200
            assert response.headers["Idempotent-Replayed"] == "true"
            assert await response.read() == body
    assert len(await rows(database_url)) == 1


async def test_a_repeated_order_is_answered_even_if_its_drink_is_no_longer_sold(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    order = LATTE | {"order_id": str(new_order_id())}
    async with http.post("/api/orders", json=order) as response:
        body = await response.read()
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE menu_drink SET active = false WHERE code = 'latte'")
    await connection.close()

    async def sold() -> bool:
        async with http.get("/api/menu") as response:
            return any(d["code"] == "latte" for d in (await response.json())["drinks"])

    async with asyncio.timeout(10):
        while await sold():
            await asyncio.sleep(0.01)
    async with http.post("/api/orders", json=order) as response:
        assert response.status == 200
        assert await response.read() == body
    async with http.post("/api/orders", json=LATTE) as response:
        assert response.status == 422
    lines = "\n".join(json.dumps(line) for line in (order, LATTE, LATTE | {"drink": "tea"}))
    headers = {"Content-Type": "application/x-ndjson"}
    async with http.post("/api/orders/batch", data=lines, headers=headers) as response:
        result = await response.json()
    assert (result["accepted"], result["replayed"], result["rejected"]) == (1, 1, 1)
    assert result["errors"][0]["line"] == 2


@pytest.mark.parametrize(
    "other",
    [
        {"drink": "tea"},
        {"store": "central"},
        {"quantity": 3},
        {"price": 1},
        {"placed_at": "2026-01-01T00:00:00Z"},
    ],
)
async def test_a_key_with_other_content_is_a_conflict(
    http: aiohttp.ClientSession, database_url: str, other: dict[str, Any]
) -> None:
    order = LATTE | {"order_id": str(new_order_id())}
    async with http.post("/api/orders", json=order) as response:
        assert response.status == 201
    async with http.post("/api/orders", json=order | other) as response:
        assert response.status == 409
        assert fields(await problem(response)) == {"order_id"}
    assert len(await rows(database_url)) == 1


async def test_one_key_from_many_at_once_is_one_order(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    order = LATTE | {"order_id": str(new_order_id())}

    async def post() -> tuple[int, bytes]:
        async with http.post("/api/orders", json=order) as response:
            return response.status, await response.read()

    answers = await asyncio.gather(*(post() for _ in range(40)))
    assert sorted(status for status, _ in answers) == [200] * 39 + [201]
    assert len({body for _, body in answers}) == 1
    assert len(await rows(database_url)) == 1


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b"", 400, set()),
        (b"{", 400, set()),
        (b"[]", 400, set()),
        (b"null", 400, set()),
        (b'"order"', 400, set()),
        (b"\xff\xfe", 400, set()),
        (b"[" * 10_000, 400, set()),
        (b'{"store":"\\ud800","drink":"latte"}', 400, set()),
        (b'{"store":"uptown","drink":"latte","price":NaN}', 400, set()),
        (b'{"store":"uptown","drink":"latte","drink":"tea"}', 400, {"drink"}),
        (b'{"store":"uptown","drink":"latte","\\u0064rink":"tea"}', 400, {"drink"}),
        (b"{}", 422, {"store", "drink"}),
        (b'{"store":1,"drink":null}', 422, {"store", "drink"}),
        (b'{"store":"uptown","drink":"latte","size":"L"}', 422, {"size"}),
        (b'{"store":"nowhere","drink":"nothing","quantity":0}', 422,
         {"store", "drink", "quantity"}),
        (b'{"store":"up\\u0000town","drink":"latte"}', 422, {"store"}),
        (b'{"store":"\\u001b[31m","drink":"latte"}', 422, {"store"}),
        (b'{"store":"uptown","drink":"latte","quantity":10000}', 422, {"quantity"}),
        (b'{"store":"uptown","drink":"latte","quantity":-10000}', 422, {"quantity"}),
        (b'{"store":"uptown","drink":"latte","quantity":1.5}', 422, {"quantity"}),
        (b'{"store":"uptown","drink":"latte","quantity":true}', 422, {"quantity"}),
        (b'{"store":"uptown","drink":"latte","quantity":1e400}', 422, {"quantity"}),
        (b'{"store":"uptown","drink":"latte","quantity":' + b"9" * 400 + b"}", 422, {"quantity"}),
        (b'{"store":"uptown","drink":"latte","price":4.355}', 422, {"price"}),
        (b'{"store":"uptown","drink":"latte","price":-1}', 422, {"price"}),
        (b'{"store":"uptown","drink":"latte","price":"free"}', 422, {"price"}),
        (b'{"store":"uptown","drink":"latte","price":1e7}', 422, {"price"}),
        (b'{"store":"uptown","drink":"latte","price":1000000.01}', 422, {"price"}),
        (b'{"store":"uptown","drink":"latte","price":[]}', 422, {"price"}),
        (b'{"store":"uptown","drink":"latte","placed_at":"2026-01-01T00:00:00"}', 422,
         {"placed_at"}),
        (b'{"store":"uptown","drink":"latte","placed_at":"yesterday"}', 422, {"placed_at"}),
        (b'{"store":"uptown","drink":"latte","placed_at":"1999-12-31T23:59:59Z"}', 422,
         {"placed_at"}),
        (b'{"store":"uptown","drink":"latte","placed_at":"0001-01-01T00:00:00+14:00"}', 422,
         {"placed_at"}),
        (b'{"store":"uptown","drink":"latte","placed_at":1700000000}', 422, {"placed_at"}),
        (b'{"store":"uptown","drink":"latte","order_id":"a b"}', 422, {"order_id"}),
    ],
    ids=lambda value: repr(value)[:60] if isinstance(value, bytes) else None,
)  # fmt: skip
async def test_bad_input_is_refused_by_name(
    http: aiohttp.ClientSession, database_url: str, body: bytes, status: int, named: set[str]
) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post("/api/orders", data=body, headers=headers) as response:
        assert response.status == status, await response.text()
        document = await problem(response)
    assert fields(document) == named
    assert "\x1b" not in json.dumps(document, ensure_ascii=False)
    assert await rows(database_url) == []


async def test_an_order_may_be_old_but_not_of_the_future(http: aiohttp.ClientSession) -> None:
    now = datetime.now(UTC)
    for placed_at, status in (
        (datetime(2000, 1, 1, tzinfo=UTC), 201),
        (now - timedelta(days=29), 201),
        (now + timedelta(minutes=4), 201),
        (now + timedelta(minutes=6), 422),
    ):
        order = LATTE | {"placed_at": placed_at.isoformat()}
        async with http.post("/api/orders", json=order) as response:
            assert response.status == status


async def test_the_shell_of_a_request_is_checked_too(http: aiohttp.ClientSession) -> None:
    body = json.dumps(LATTE)
    async with http.post("/api/orders", data=body, headers={"Content-Type": "text/xml"}) as r:
        assert r.status == 415
        await problem(r)
    large = json.dumps(LATTE | {"drink": "x" * 20_000})
    async with http.post(
        "/api/orders", data=large, headers={"Content-Type": "application/json"}
    ) as r:
        assert r.status == 413
        await problem(r)
    async with http.put("/api/orders") as r:
        assert r.status == 405
        assert r.headers["Allow"] == "GET, HEAD, POST"
        await problem(r)
    async with http.get("/nowhere") as r:
        assert r.status == 404
        await problem(r)
    async with http.post("/api/orders", json=LATTE, headers={"Idempotency-Key": "x y"}) as r:
        assert r.status == 422
        assert fields(await problem(r)) == {"Idempotency-Key"}
    key = {"Idempotency-Key": str(uuid4())}
    async with http.post("/api/orders", json=LATTE | {"order_id": str(uuid4())}, headers=key) as r:
        assert r.status == 400
        assert fields(await problem(r)) == {"order_id"}


async def test_a_void_cancels_an_order_once(http: aiohttp.ClientSession, database_url: str) -> None:
    async with http.post("/api/orders", json=LATTE | {"quantity": 3}) as response:
        order = await response.json()
    path = f"/api/orders/{order['order_id']}/void"
    async with http.post(path) as response:
        assert response.status == 201
        correction = await response.json()
    assert correction["voids"] == order["order_id"]
    assert correction["quantity"] == -3
    assert correction["placed_at"] == order["placed_at"]
    async with http.post(path) as response:
        assert response.status == 200
        assert response.headers["Idempotent-Replayed"] == "true"
        assert await response.json() == correction
    assert sum(row["quantity"] for row in await rows(database_url)) == 0

    async with http.post(f"/api/orders/{correction['order_id']}/void") as response:
        assert response.status == 422
        await problem(response)
    for unknown in (uuid4(), "no-uuid"):
        async with http.post(f"/api/orders/{unknown}/void") as response:
            assert response.status == 404
            await problem(response)


async def test_a_batch_stores_the_good_lines_and_names_the_bad(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    key = str(new_order_id())
    lines = [
        json.dumps(LATTE | {"order_id": key}),
        "",
        json.dumps(LATTE | {"drink": "soup"}),
        "{",
        json.dumps(LATTE | {"order_id": key}),
        json.dumps(LATTE | {"order_id": key, "quantity": 2}),
        json.dumps(LATTE | {"store": "central"}),
    ]
    headers = {"Content-Type": "application/x-ndjson"}
    async with http.post("/api/orders/batch", data="\r\n".join(lines), headers=headers) as response:
        assert response.status == 200
        result = await response.json()
    assert (result["accepted"], result["replayed"], result["rejected"]) == (2, 1, 3)
    assert [(e["line"], e["status"]) for e in result["errors"]] == [(3, 422), (4, 400), (6, 409)]
    assert fields(result["errors"][0]) == {"drink"} or result["errors"][0]["errors"]
    assert len(await rows(database_url)) == 2


async def test_a_long_batch_is_committed_while_it_arrives(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    first_part_stored = asyncio.Event()

    async def body() -> Any:
        for number in range(1200):
            yield json.dumps(LATTE | {"order_id": str(UUID(int=number + 1))}).encode() + b"\n"
        async with asyncio.timeout(10):
            while len(await rows(database_url)) < 1000:
                await asyncio.sleep(0.02)
        first_part_stored.set()
        yield json.dumps(LATTE).encode()

    headers = {"Content-Type": "application/x-ndjson"}
    async with http.post("/api/orders/batch", data=body(), headers=headers) as response:
        result = await response.json()
    assert first_part_stored.is_set()
    assert result["accepted"] == 1201
    assert len(await rows(database_url)) == 1201


async def test_a_line_that_is_too_long_is_refused_alone(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    good = json.dumps(LATTE)
    data = f"{good}\n{'x' * 300_000}\n{good}\n{'y' * 20_000}"
    headers = {"Content-Type": "application/x-ndjson"}
    async with http.post("/api/orders/batch", data=data, headers=headers) as response:
        assert response.status == 200
        result = await response.json()
    assert (result["accepted"], result["rejected"]) == (2, 2)
    assert [(e["line"], e["status"]) for e in result["errors"]] == [(2, 413), (4, 413)]
    assert len(await rows(database_url)) == 2


async def test_an_order_is_in_the_picture_as_soon_as_it_is_answered(
    http: aiohttp.ClientSession,
) -> None:
    for placed in range(1, 31):  # faster than frames come
        async with http.post("/api/orders", json=LATTE) as response:
            assert response.status == 201
        async with http.get("/api/dashboard") as response:
            picture = await response.json()
        assert picture["view"]["totals"]["minute"][0] == placed
