"""GET /api/orders: pages, CSV, and what cannot be searched."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
from datetime import UTC, date, datetime, timedelta

import aiohttp
import asyncpg
import pytest

from coffeert.client import OrderClient
from coffeert.client.http import ALL_ORDERS
from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Draft, Void
from coffeert.errors import DatabaseUnavailable, Invalid, ServerUnavailable, Unauthorized
from coffeert.importer.meaning.presets import recognised
from coffeert.postgres import order_archive
from coffeert.wire.order_csv import COLUMNS
from tests.integration.server.conftest import RunServer
from tests.integration.server.http.test_orders import LATTE

YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


async def sell(client: OrderClient, count: int, **fields: object) -> None:
    """Store orders, a second apart, the newest last."""

    async def drafts() -> object:
        for number in range(count):
            moment = YESTERDAY + timedelta(seconds=number)
            yield Draft(**{"store": "uptown", "drink": "tea", "placed_at": moment} | fields)  # type: ignore[arg-type]  # fields by name

    result = await client.batch(drafts())  # type: ignore[arg-type]  # an async generator
    assert result.rejected == 0


async def test_pages_go_on_to_the_last_order(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        await sell(client, 23)
        await sell(client, 5, drink="latte")
        tea = OrderQuery(drinks=("tea",))
        page = await client.orders(tea, limit=10)
        assert (page.total, len(page.orders)) == (23, 10)
        assert (await client.orders(tea, limit=10, counted=False)).total is None
        seen = list(page.orders)
        while page.next is not None:
            page = await client.orders(tea, limit=10, before=page.next)
            assert page.total is None
            seen += page.orders
    moments = [order.placed_at for order in seen]
    assert moments == [YESTERDAY + timedelta(seconds=n) for n in reversed(range(23))]


async def test_a_void_is_told_with_its_order_and_is_none_itself(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        placed = await client.place(Draft("uptown", "tea", 2, order_id=None, key="till-7"))
        correction = await client.void("till-7")
        page = await client.orders()
    (only,) = page.orders
    assert (page.total, only.order()) == (1, placed.order)
    assert only.voided_by == correction.order.order_id
    assert only.voided_at == correction.order.received_at


async def test_every_condition_reaches_the_table(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        await client.place(Draft("uptown", "tea", 1, 290, YESTERDAY, receipt="17", source="till"))
        await client.place(Draft("central", "latte", 2, 480, datetime.now(UTC)))
        for wanted, drinks in (
            (OrderQuery(stores=("Uptown",)), ["tea"]),
            (OrderQuery(stores=("uptown", "central")), ["latte", "tea"]),
            (OrderQuery(drinks=("Latte",)), ["latte"]),
            (OrderQuery(sources=("till",)), ["tea"]),
            (OrderQuery(receipt="17"), ["tea"]),
            (OrderQuery(import_number=1), []),
            (OrderQuery(first=YESTERDAY), ["latte", "tea"]),
            (OrderQuery(last=YESTERDAY), []),
            (OrderQuery(last=YESTERDAY + timedelta(microseconds=1)), ["tea"]),
            (OrderQuery(first=YESTERDAY.date(), last=YESTERDAY.date()), ["tea"]),
            (OrderQuery(min_price=291), ["latte"]),
            (OrderQuery(min_price=290, max_price=290), ["tea"]),
        ):
            page = await client.orders(wanted)
            assert [order.drink for order in page.orders] == drinks, wanted
            assert page.total == len(drinks)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("stores=uptown", "stores"),
        ("receipt=1&receipt=2", "receipt"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=٣", "limit"),
        ("before=abc", "before"),
        ("before=" + "A" * 31, "before"),
        ("before=" + "~" * 32, "before"),
        ("before=f" + "_" * 31, "before"),
        ("from=yesterday", "from"),
        ("from=2026-13-01", "from"),
        ("min_price=-1", "min_price"),
        ("max_price=4,50", "max_price"),
        ("max_price=1e99", "max_price"),
        ("import=x", "import"),
        ("import=99999999999999999999", "import"),
        ("store=", "store"),
        ("store=%00", "store"),
        ("receipt=" + "9" * 65, "receipt"),
        ("format=xml", "format"),
        ("count=maybe", "count"),
        ("format=csv&limit=5", "limit"),
        ("store=uptwon", "store"),
        ("from=9999-12-31", "from"),
        ("to=9999-12-31", "to"),
        ("drink=lattte", "drink"),
    ],
)
async def test_what_cannot_be_searched_is_said_by_field(
    http: aiohttp.ClientSession, query: str, field: str
) -> None:
    async with http.get(f"/api/orders?{query}") as response:
        problem = await response.json()
        assert (response.status, response.content_type) == (422, "application/problem+json")
    assert [fault["field"] for fault in problem["errors"]] == [field]


async def test_csv_has_everything_and_is_known_to_the_importer(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        await sell(client, 1203, source="till")
        await sell(client, 2, drink="latte")
        placed = await client.place(Draft("uptown", "tea", source="=1+1", key="till-7"))
        await client.void("till-7")
        text = await whole_csv(client, OrderQuery(drinks=("tea",)))
        with pytest.raises(Invalid):
            await whole_csv(client, OrderQuery(first=date(1990, 1, 1)))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 1205
    assert {row["order_id"] for row in rows} >= {str(placed.order.order_id)}
    assert sum(int(row["quantity"]) for row in rows) == 1203
    assert {row["source"] for row in rows} == {"till", "'=1+1"}
    preset = recognised(COLUMNS)
    assert preset is not None
    assert preset.name == "coffeert-export"


async def whole_csv(client: OrderClient, wanted: OrderQuery = ALL_ORDERS) -> str:
    """Return a whole export."""
    return b"".join([piece async for piece in client.orders_csv(wanted)]).decode()


async def test_an_export_that_breaks_off_is_no_whole_file(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads = order_archive._read, itertools.count()

    async def fail_later(*arguments: object, **options: object) -> object:
        if next(reads):
            raise DatabaseUnavailable("PostgreSQL closed the connection.")
        return await read(*arguments, **options)  # type: ignore[arg-type]  # passed on

    async with OrderClient(server_url) as client:
        await sell(client, 600)
        monkeypatch.setattr(order_archive, "_read", fail_later)
        with pytest.raises(ServerUnavailable):
            await whole_csv(client)
        monkeypatch.undo()
        assert (await client.orders()).total == 600


async def test_csv_is_asked_for_by_format_or_accept(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/orders", json=LATTE) as response:
        assert response.status == 201
    for query, accept, csv_expected in (
        ("", "*/*", False),
        ("", "text/csv", True),
        ("", "text/csv;q=0.9, */*", True),
        ("?format=json", "text/csv", False),
        ("?format=csv", "application/json", True),
    ):
        async with http.get(f"/api/orders{query}", headers={"Accept": accept}) as response:
            assert response.status == 200
            assert (response.content_type == "text/csv") is csv_expected
    async with http.head("/api/orders?format=csv") as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_reading_orders_needs_a_token(run_server: RunServer) -> None:
    async with run_server(token="x" * 16, read_token="y" * 16) as url:
        async with OrderClient(url) as client:
            with pytest.raises(Unauthorized):
                await client.orders()
        async with OrderClient(url, "y" * 16) as client:
            assert (await client.orders()).orders == ()


@pytest.mark.long
async def test_a_connection_is_left_for_those_who_sell(
    run_server: RunServer, database_url: str
) -> None:
    async with run_server() as url, OrderClient(url) as client:
        await client.place(Draft("uptown", "tea"))
        connection = await asyncpg.connect(database_url)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE menu_store IN ACCESS EXCLUSIVE MODE")
                async with aiohttp.ClientSession(url) as http:
                    # Every search waits for the lock, and ends by itself.
                    waiting = [http.get(f"/api/orders?from=2026-01-{n:02}") for n in range(1, 9)]
                    for answer in await asyncio.gather(*waiting):
                        assert answer.status in (422, 503)
                        answer.release()
                placed = await client.place(Draft("uptown", "tea"))
        finally:
            await connection.close()
    assert not placed.replayed


async def test_voids_of_a_batch_are_listed(server_url: str) -> None:
    async def lines() -> object:
        yield Draft("uptown", "tea", key="a")
        yield Void(order_id=(await client.orders()).orders[0].order().order_id)

    async with OrderClient(server_url) as client:
        await client.place(Draft("uptown", "latte"))
        await client.batch(lines())  # type: ignore[arg-type]  # an async generator
        voided = {
            order.drink: order.voided_at is not None for order in (await client.orders()).orders
        }
    assert voided == {"latte": True, "tea": False}
