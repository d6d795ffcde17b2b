"""Keys of any form, totals, refunds, names and voids mean the same over every way in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, TypeAlias
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
from yarl import URL

from coffeert.client import Draft, OrderClient, OrderSocket, Void
from coffeert.domain.order_keys import order_id_from_key
from coffeert.errors import Conflict, Invalid, NotFound
from tests.integration.server.conftest import RunServer
from tests.integration.server.wire import answer_to
from tests.waiting import POLL, WITHIN

LATTE: dict[str, Any] = {"store": "uptown", "drink": "latte"}
NDJSON = {"Content-Type": "application/x-ndjson"}
KEYS = [
    *("till1-0042", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "7", "a/b", "a%2Fb", "..", "?#{}[]", '"x"', "\\"),
    *("~" * 255, "0190ABCD-0000-7000-8000-0000000000AA", "0190abcd0000700080000000000000bb"),
]

Sql: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[Sql]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def sent(
    http: aiohttp.ClientSession, order: dict[str, Any], **headers: str
) -> tuple[int, dict[str, Any]]:
    async with http.post("/api/orders", json=order, headers=headers) as response:
        return response.status, await response.json()


async def batch(
    http: aiohttp.ClientSession, lines: list[dict[str, Any]] | bytes, **headers: str
) -> dict[str, Any]:
    data = lines if isinstance(lines, bytes) else "\n".join(map(json.dumps, lines)).encode()
    async with http.post("/api/orders/batch", data=data, headers=NDJSON | headers) as response:
        result: dict[str, Any] = await response.json()
        return result


def counts(result: dict[str, Any]) -> tuple[int, int, int]:
    return result["accepted"], result["replayed"], result["rejected"]


def named(body: dict[str, Any]) -> set[str]:
    return {error["field"] for error in body.get("errors", [])}


def faults(body: dict[str, Any]) -> dict[str, str]:
    return {error["field"]: error["message"] for error in body.get("errors", [])}


@pytest.mark.parametrize("key", KEYS)
async def test_a_key_is_the_same_order_over_every_way_in(
    http: aiohttp.ClientSession, server_url: str, sql: Sql, key: str
) -> None:
    order_id = order_id_from_key(key)
    status, first = await sent(http, LATTE | {"order_id": key})
    assert status == 201
    assert (first["order_id"], first["uuid"]) == (key, str(order_id))
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for headers in ({"Idempotency-Key": quoted}, {} if key == '"x"' else {"Idempotency-Key": key}):
        order = LATTE if headers else LATTE | {"order_id": key}
        assert await sent(http, order, **headers) == (200, first)
    assert counts(await batch(http, [LATTE | {"order_id": key}])) == (0, 1, 0)
    async with http.ws_connect("/ws/dashboard") as socket:
        await socket.send_json(LATTE | {"type": "order", "ref": "1", "order_id": key})
        answer = await answer_to(socket, "1")
        assert (answer["status"], answer["order"]) == (200, first)
    async with OrderClient(server_url) as client:
        placed = await client.place(Draft("uptown", "latte", key=key))
        assert (placed.replayed, placed.order.order_id) == (True, order_id)
    assert await sql.fetchval("SELECT array_agg(order_id) FROM orders") == [order_id]

    void = await _void_by_path(http, server_url, key)
    assert (void["voids"], void["quantity"]) == (key, -1)
    async with OrderClient(server_url) as client:
        voided = await client.void(key)
    assert (voided.replayed, voided.order.voids) == (True, order_id)
    assert str(voided.order.order_id) == void["order_id"]
    assert counts(await batch(http, [{"void": key}])) == (0, 1, 0)


async def _void_by_path(http: aiohttp.ClientSession, server_url: str, key: str) -> dict[str, Any]:
    # Dots would be taken for a step up by whatever handles the path; such a key is voided by a line.
    if key == "..":
        assert counts(await batch(http, [{"void": key}])) == (1, 0, 0)
        key = str(order_id_from_key(key))
        async with http.post(f"/api/orders/{key}/void") as response:
            assert response.status == 200
            again: dict[str, Any] = await response.json()
            return again | {"voids": ".."}
    url = URL(f"{server_url}/api/orders/{quote(key, safe='')}/void", encoded=True)
    async with aiohttp.ClientSession() as plain, plain.post(url) as response:
        assert response.status == 201, await response.text()
        body: dict[str, Any] = await response.json()
        return body


async def test_two_keys_that_differ_are_refused(http: aiohttp.ClientSession) -> None:
    for key in ("till1-0043", "x"):
        status, body = await sent(
            http, LATTE | {"order_id": "till1-0042"}, **{"Idempotency-Key": key}
        )
        assert (status, named(body)) == (400, {"order_id"})
    status, body = await sent(
        http, LATTE | {"order_id": "till1-0042"}, **{"Idempotency-Key": '"till1-0042"'}
    )
    assert (status, body["order_id"]) == (201, "till1-0042")


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256, "é"])
async def test_what_cannot_be_a_key_is_refused_on_every_way(
    http: aiohttp.ClientSession, sql: Sql, key: str
) -> None:
    status, body = await sent(http, LATTE, **{"Idempotency-Key": key})
    assert (status, named(body)) == (422, {"Idempotency-Key"})
    async with http.post(
        "/api/orders/batch", json=LATTE, headers=NDJSON | {"Idempotency-Key": key}
    ) as response:
        assert response.status == 422
        assert named(await response.json()) == {"Idempotency-Key"}
    if key != '""':
        status, body = await sent(http, LATTE | {"order_id": key})
        assert (status, named(body)) == (422, {"order_id"})
        result = await batch(http, [LATTE | {"order_id": key}, {"void": key}])
        assert [error["status"] for error in result["errors"]] == [422, 422]
    assert await sql.fetchval("SELECT count(*) FROM orders") == 0


async def test_a_batch_with_a_key_is_stored_once(http: aiohttp.ClientSession, sql: Sql) -> None:
    own = LATTE | {"order_id": "own"}
    lines = b"\n".join(json.dumps(line).encode() for line in (LATTE, own, LATTE))
    key = {"Idempotency-Key": "batch-7"}
    assert counts(await batch(http, lines, **key)) == (3, 0, 0)
    assert counts(await batch(http, lines, **key)) == (0, 3, 0)
    ids = await sql.fetchval("SELECT array_agg(order_id) FROM orders")
    assert set(ids) == {order_id_from_key(key) for key in ("batch-7#1", "own", "batch-7#3")}
    other = await batch(http, [LATTE | {"quantity": 2}, own, LATTE], **key)
    assert counts(other) == (0, 2, 1)
    assert [(error["line"], error["status"]) for error in other["errors"]] == [(1, 409)]
    assert counts(await batch(http, lines, **{"Idempotency-Key": "batch-8"})) == (2, 1, 0)


async def test_a_streamed_batch_with_a_key_is_stored_once(
    http: aiohttp.ClientSession, sql: Sql
) -> None:
    line = json.dumps(LATTE | {"receipt": "x" * 60}).encode() + b"\n"
    count = (1 << 20) // len(line) + 100

    async def body() -> AsyncIterator[bytes]:
        for _ in range(count // 100 + 1):
            yield line * 100

    total = (count // 100 + 1) * 100
    for expected in ((total, 0, 0), (0, total, 0)):
        headers = NDJSON | {"Idempotency-Key": "long"}
        async with http.post("/api/orders/batch", data=body(), headers=headers) as response:
            assert counts(await response.json()) == expected
    # As many lines in one packet, which another reader takes.
    assert counts(await batch(http, line * 100, **{"Idempotency-Key": "long"})) == (0, 100, 0)
    assert await sql.fetchval("SELECT count(*) FROM orders") == total


async def test_the_client_gives_a_batch_with_a_key_the_same_orders(
    http: aiohttp.ClientSession, server_url: str
) -> None:
    async def drafts() -> AsyncIterator[Draft | Void]:
        yield Draft("uptown", "latte", 2, total_cents=961)
        yield Draft("uptown", "latte", key="own")
        yield Void(order_id_from_key("own"), "own")

    async with OrderClient(server_url) as client:
        assert (await client.batch(drafts(), key="b")).accepted == 3
        assert (await client.batch(drafts(), key="b")).replayed == 3
    lines = [LATTE | {"quantity": 2, "total": "9.61"}, LATTE | {"order_id": "own"}]
    assert counts(await batch(http, lines, **{"Idempotency-Key": "b"})) == (0, 2, 0)


@pytest.mark.parametrize(
    ("fields", "quantity", "price", "amount"),
    [
        ({"quantity": 6, "total": "500.00"}, 6, 8333, 50000),
        ({"quantity": 6, "total": 500, "price": 83.33}, 6, 8333, 50000),
        ({"quantity": 2, "total": 9.6}, 2, 480, None),
        ({"quantity": -2}, -2, 480, None),
        ({"quantity": "-2", "total": 9.61}, -2, 481, -961),
        ({"quantity": -2.0, "total": "-9.61"}, -2, 481, -961),
        ({"quantity": 9999}, 9999, 480, None),
        ({"total": "10000000000.00"}, 1, 100_000_000, 10**12),
        ({"total": 0}, 1, 0, None),
        ({"price": 4.1}, 1, 410, None),
        ({"price": "4.1000"}, 1, 410, None),
        ({"price": 4.1000000000000005}, 1, 410, None),
        ({"price": 1e2}, 1, 10_000, None),
    ],
)
async def test_what_is_paid_is_what_is_stored(
    http: aiohttp.ClientSession, sql: Sql, fields: dict[str, Any], quantity: int, price: int,
    amount: int | None,
) -> None:  # fmt: skip
    order = LATTE | fields | {"order_id": "x", "source": "till 1", "receipt": "A-17"}
    status, body = await sent(http, order)
    assert status == 201, body
    row = await sql.fetchrow("SELECT * FROM orders")
    assert row is not None
    assert (row["quantity"], row["price_cents"], row["amount"]) == (quantity, price, amount)
    assert (row["source"], row["receipt"]) == ("till 1", "A-17")
    assert ("total" in body) == (amount is not None)
    assert (body["source"], body["receipt"]) == ("till 1", "A-17")
    assert await sent(http, order) == (200, body)
    for other in ({"source": "till 2"}, {"receipt": None}, {"total": "7.77", "price": None}):
        assert (await sent(http, order | other))[0] == 409


@pytest.mark.parametrize(
    ("fields", "fault", "message"),
    [
        ({"total": -1}, "total", "must not be negative; the quantity of a refund is"),
        ({"quantity": 2, "price": 4.8, "total": 9.62}, "price", "does not fit the total: 2 x 4.80 is 9.60"),
        ({"total": "10000000000.01"}, "total", "must be at most 10000000000.00"),
        ({"quantity": 0}, "quantity", "must be 1 to 9999, or -1 to -9999 of a refund"),
        ({"quantity": 10_000}, "quantity", "must be 1 to 9999, or -1 to -9999 of a refund"),
        ({"quantity": 2.5}, "quantity", "must be a whole number"),
        ({"price": "4,10"}, "price", "must be written with a point: 4.10"),
        ({"price": 4.795}, "price", "must have at most 2 decimal places"),
        ({"source": ""}, "source", "must be 1 to 64 printable characters"),
        ({"receipt": "a\0"}, "receipt", "must be 1 to 64 printable characters"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_told_in_a_sentence(
    http: aiohttp.ClientSession, sql: Sql, fields: dict[str, Any], fault: str, message: str
) -> None:
    status, body = await sent(http, LATTE | fields)
    assert (status, faults(body)) == (422, {fault: message})
    assert await sql.fetchval("SELECT count(*) FROM orders") == 0


async def test_numbers_of_any_length_are_answered_soon(http: aiohttp.ClientSession) -> None:
    for number in ("9" * 10_000, "1e999", '"' + "9" * 10_000 + '"', '"1e' + "9" * 10_000 + '"'):
        for field in ("price", "total", "quantity"):
            data = f'{{"store":"uptown","drink":"latte","{field}":{number}}}'
            headers = {"Content-Type": "application/json"}
            async with asyncio.timeout(5):
                async with http.post("/api/orders", data=data, headers=headers) as response:
                    assert response.status == 422
                    assert named(await response.json()) == {field}


async def _settled_menu(http: aiohttp.ClientSession, name: str) -> None:
    async def known() -> bool:
        async with http.get("/api/menu") as response:
            return name in await response.text()

    async with asyncio.timeout(WITHIN):
        while not await known():
            await asyncio.sleep(POLL)


async def test_names_are_as_good_as_codes(http: aiohttp.ClientSession, sql: Sql) -> None:
    await sql.execute("UPDATE menu_drink SET name = 'Café Crème' WHERE code = 'americano'")
    await sql.execute("UPDATE menu_drink SET name = 'Tea' WHERE code IN ('tea', 'mocha')")
    await sql.execute("INSERT INTO menu_drink (code, name, price_cents) VALUES ('x', 'latte', 1)")
    await sql.execute("INSERT INTO menu_drink (code, name, price_cents) VALUES ('t1', 'Pot', 1)")
    await sql.execute("INSERT INTO menu_drink (code, name, price_cents) VALUES ('t2', 'pot', 1)")
    await _settled_menu(http, '"t2"')
    order = {"store": "UPTOWN", "drink": "CAFE\u0301 CRÈME", "order_id": "k"}
    status, body = await sent(http, order)
    assert (status, body["store"], body["drink"]) == (201, "uptown", "americano")
    assert await sent(http, order) == (200, body)
    assert await sent(http, order | {"store": "uptown", "drink": "americano"}) == (200, body)
    assert (await sent(http, LATTE))[1]["drink"] == "latte"
    status, body = await sent(http, LATTE | {"drink": "POT"})
    assert status == 422
    assert faults(body) == {
        "drink": "'POT' is the name of several; say by its code which: 't1' or 't2'"
    }


async def test_a_replay_by_name_is_recognised_after_the_entry_has_retired(
    http: aiohttp.ClientSession, sql: Sql
) -> None:
    await sql.execute("UPDATE menu_store SET name = 'Am Markt' WHERE code = 'uptown'")
    await _settled_menu(http, "Am Markt")
    order = {"store": "am markt", "drink": "Latte", "order_id": "k"}
    status, body = await sent(http, order)
    assert status == 201
    await sql.execute("UPDATE menu_store SET active = false WHERE code = 'uptown'")
    await sql.execute("INSERT INTO menu_store (code, name) VALUES ('new', 'Newer')")
    await _settled_menu(http, "Newer")
    assert await sent(http, order) == (200, body)
    assert (await sent(http, order | {"order_id": "other"}))[0] == 422


async def test_void_lines_keep_their_place(http: aiohttp.ClientSession, sql: Sql) -> None:
    result = await batch(
        http,
        [
            {"void": "a"},  # not there yet
            LATTE | {"order_id": "a", "quantity": 2},
            {"void": "a"},
            {"void": "a"},
            LATTE | {"order_id": "a", "quantity": 2},
            {"void": "b"},
            LATTE | {"order_id": "b", "drink": "soup"},
            LATTE | {"order_id": "b"},
            {"void": "b"},
            {"void": "nobody"},
            {"void": 7},
        ],
    )
    assert [(error["line"], error["status"]) for error in result["errors"]] == [
        (1, 404), (6, 404), (7, 422), (10, 404), (11, 422),
    ]  # fmt: skip
    assert counts(result) == (4, 2, 5)
    assert await sql.fetchval("SELECT sum(quantity) FROM orders") == 0
    void = await sql.fetchval("SELECT order_id FROM orders WHERE voids IS NOT NULL LIMIT 1")
    result = await batch(http, [{"void": str(void)}])
    assert [(error["line"], error["status"]) for error in result["errors"]] == [(1, 422)]


async def test_a_socket_takes_voids(http: aiohttp.ClientSession, server_url: str) -> None:
    async with OrderSocket(server_url) as orders:
        placed = await orders.place(Draft("Uptown", "Latte", -2, total_cents=961, key="till1-0042"))
        assert (placed.order.total_cents, placed.order.store) == (-961, "uptown")
    async with http.ws_connect("/ws/dashboard") as socket:
        for ref, status in (("1", 201), ("2", 200)):
            await socket.send_json({"type": "void", "ref": ref, "void": "till1-0042"})
            answer = await answer_to(socket, ref)
            assert (answer["status"], answer["order"]["voids"]) == (status, "till1-0042")
        for number, (void, status) in enumerate((("nobody", 404), ("a b", 422), ("", 422))):
            ref = f"bad {number}"
            await socket.send_json({"type": "void", "ref": ref, "void": void})
            assert (await answer_to(socket, ref))["status"] == status


async def test_a_reader_may_not_void(run_server: RunServer) -> None:
    async with (
        run_server(token="secret", read_token="read") as url,
        aiohttp.ClientSession(url, headers={"Authorization": "Bearer read"}) as http,
        http.ws_connect("/ws/dashboard") as socket,
    ):
        await socket.send_json({"type": "void", "ref": "1", "void": "x"})
        assert (await answer_to(socket, "1"))["status"] == 403


@pytest.mark.parametrize(
    ("currency", "written"), [("JPY", "480"), ("KWD", "0.480"), ("EUR", "4.80")]
)
async def test_amounts_have_the_places_of_the_currency(
    run_server: RunServer, sql: Sql, currency: str, written: str
) -> None:
    await sql.execute("UPDATE installation SET currency = $1", currency)
    async with run_server() as url, aiohttp.ClientSession(url) as http:
        status, body = await sent(http, LATTE | {"price": written, "order_id": "x"})
        assert (status, body["price"]) == (201, written)
        assert await sent(http, LATTE | {"price": float(written), "order_id": "x"}) == (200, body)
        places = len(written.partition(".")[2])
        one_more = f"{written}{'' if '.' in written else '.'}1"
        message = f"at most {places} decimal" if places else "whole number"
        assert message in faults((await sent(http, LATTE | {"price": one_more}))[1])["price"]
        async with http.get("/api/dashboard") as response:
            snapshot = await response.json()
        assert snapshot["currency"] == currency
        assert snapshot["view"]["recent"][0]["price"] == written
        async with http.get("/api/menu") as response:
            menu = await response.json()
        assert {d["price"] for d in menu["drinks"] if d["code"] == "latte"} == {written}
        async with http.get("/openapi.json") as response:
            schemas = (await response.json())["components"]["schemas"]
        price = schemas["OrderRequest"]["properties"]["price"]["anyOf"][0]
        assert price["multipleOf"] == (1 if places == 0 else 10**-places)
        async with OrderClient(url) as client, OrderSocket(url) as socket:
            for place in (client.place, socket.place):
                placed = await place(Draft("uptown", "latte", 3, total_cents=1441))
                assert (placed.order.price_cents, placed.order.amount) == (480, 1441)
    assert await sql.fetchval("SELECT sum(price_cents) FROM orders WHERE quantity = 1") == 480


async def test_the_client_raises_what_is_wrong(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        await client.place(Draft("uptown", "latte", key="k"))
        with pytest.raises(Conflict):
            await client.place(Draft("uptown", "latte", 2, key="k"))
        with pytest.raises(NotFound):
            await client.void("nobody")
        with pytest.raises(Invalid):
            await client.place(Draft("uptown", "latte", total_cents=-1))
        with pytest.raises(ValueError, match="visible ASCII"):
            await client.void("a b")
