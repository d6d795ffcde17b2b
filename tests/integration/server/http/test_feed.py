"""`GET /api/feed`: pages, streams, what is waited for, and what is refused."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
from yarl import URL

from coffeert.client import Feed
from coffeert.domain.feed import FeedPosition
from coffeert.errors import Gone
from coffeert.postgres.feed import FeedRows, FeedTable
from coffeert.server.feed import source
from coffeert.server.http import feed
from tests.integration.server.conftest import RunServer
from tests.integration.server.wire import connection
from tests.waiting import POLL, WITHIN

CURSOR = "Coffeert-Cursor"
END = "Coffeert-Feed-End"
STREAM = {"Accept": "text/event-stream"}
LINES = {"Content-Type": "application/x-ndjson"}


async def place(http: aiohttp.ClientSession, *keys: str, store: str = "uptown") -> None:
    """Store orders, each in a transaction of its own."""
    for key in keys:
        body = {"order_id": key, "store": store, "drink": "latte"}
        async with http.post("/api/orders", json=body) as response:
            assert response.status == 201


async def place_many(http: aiohttp.ClientSession, count: int) -> None:
    lines = "".join(
        json.dumps({"store": ("uptown", "central")[n % 2], "drink": "tea"}) + "\n"
        for n in range(count)
    )
    async with http.post("/api/orders/batch", data=lines, headers=LINES) as response:
        assert (await response.json())["accepted"] == count


async def page(
    http: aiohttp.ClientSession, after: str = "beginning", **fields: str
) -> tuple[list[dict[str, Any]], aiohttp.ClientResponse]:
    """Read a page; the answer has been read."""
    async with http.get("/api/feed", params={"after": after, **fields}) as response:
        assert response.status == 200, await response.text()
        return json.loads(await response.read()), response


async def ticked(http: aiohttp.ClientSession, count: int) -> list[dict[str, Any]]:
    """Read the feed from the beginning, once it has so many events."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found, _ = await page(http, limit="5000")
    return found


async def pages(http: aiohttp.ClientSession, **fields: str) -> list[dict[str, Any]]:
    """Read the feed to its end, page by page, as its links lead."""
    found: list[dict[str, Any]] = []
    url = "/api/feed?" + "&".join(f"{name}={value}" for name, value in fields.items())
    while True:
        async with http.get(url) as response:
            found += json.loads(await response.read())
            if END in response.headers:
                return found
            url = str(response.links["next"]["url"])


async def test_an_order_and_its_void_are_events(http: aiohttp.ClientSession) -> None:
    key = "0195d3c8-6f2e-7a10-8d2c-1f5a3b7c9e01"
    await place(http, key)
    async with http.post(f"/api/orders/{key}/void") as response:
        assert response.status == 201
    placed, voided = await ticked(http, 2)
    assert placed["specversion"] == "1.0"
    assert placed["type"] == "coffeert.order.placed"
    assert voided["type"] == "coffeert.order.voided"
    assert placed["source"] == voided["source"] == f"/coffeert/{placed['id'][:12]}"
    assert placed["subject"] == "uptown"
    assert placed["data"]["order_id"] == voided["data"]["voids"] == key
    assert (placed["data"]["quantity"], voided["data"]["quantity"]) == (1, -1)
    assert placed["time"] == placed["data"]["placed_at"]
    assert placed["id"] != voided["id"]


@pytest.mark.parametrize("limit", ["1", "3", "7"])
async def test_pages_add_up_to_the_whole(http: aiohttp.ClientSession, limit: str) -> None:
    await place_many(http, 20)
    whole = await ticked(http, 20)
    assert await pages(http, limit=limit) == whole
    rest, response = await page(http, whole[4]["id"])
    assert rest == whole[5:]
    assert response.headers[CURSOR] == whole[-1]["id"]
    same, _ = await page(http, after=whole[4]["id"], limit=limit)
    assert same == whole[5 : 5 + int(limit)]


async def test_the_same_events_as_lines(http: aiohttp.ClientSession) -> None:
    await place(http, "a", "b", "c")
    whole = await ticked(http, 3)
    headers = {"Accept": "application/x-ndjson"}
    async with http.get("/api/feed", headers=headers) as response:
        assert response.content_type == "application/x-ndjson"
        assert [json.loads(line) for line in (await response.read()).splitlines()] == whole


async def test_what_does_not_change_may_be_kept(http: aiohttp.ClientSession) -> None:
    await place(http, "a", "b", "c")
    whole = await ticked(http, 3)
    _, full = await page(http, whole[0]["id"], limit="1")
    assert "immutable" in full.headers["Cache-Control"]
    tag = {"If-None-Match": full.headers["ETag"]}
    url = {"after": whole[0]["id"], "limit": "1"}
    for known in (
        tag,
        {"If-None-Match": "*"},
        {"If-None-Match": f'"other", {full.headers["ETag"]}'},
    ):
        async with http.get("/api/feed", params=url, headers=known) as response:
            assert response.status == 304
    async with http.get("/api/feed", params=url, headers={"If-None-Match": '"other"'}) as response:
        assert response.status == 200
    for after in (whole[0]["id"], "beginning"):
        _, partial = await page(http, after, limit="5")
        assert partial.headers["Cache-Control"] == "no-store"
        assert "ETag" not in partial.headers


async def test_filters_and_shares(http: aiohttp.ClientSession) -> None:
    await place(http, "a", "b")
    await place(http, "c", store="central")
    await place(http, "d", store="downtown")
    whole = await ticked(http, 4)

    def of(*stores: str) -> list[dict[str, Any]]:
        return [event for event in whole if event["subject"] in stores]

    assert await pages(http, stores="central,Uptown", limit="1") == of("central", "uptown")
    assert await pages(http, drinks="tea") == []
    shares = [await pages(http, part=f"{number}/3", limit="1") for number in (1, 2, 3)]
    assert sorted(event["id"] for share in shares for event in share) == sorted(
        event["id"] for event in whole
    )
    # A page that is left without an event moves its reader on.
    _, response = await page(http, drinks="tea")
    assert response.headers[CURSOR] == whole[-1]["id"]


async def test_a_name_with_signs_of_a_url_in_it(run_server: RunServer, database_url: str) -> None:
    name = "Berlin, S\u00fcd & Nord #1 +5%"
    database = await asyncpg.connect(database_url)
    await database.execute("UPDATE menu_store SET name = $1 WHERE code = 'central'", name)
    await database.close()
    async with run_server() as url, aiohttp.ClientSession(url) as http:
        await place(http, "a", "b", store="central")
        await place(http, "c")
        whole = await ticked(http, 3)
        found = await pages(http, stores=quote(name), limit="1")
        assert found == [event for event in whole if event["subject"] == "central"]
        assert await pages(http, stores="central,uptown", limit="1") == whole


async def test_what_is_not_there_yet_is_waited_for(http: aiohttp.ClientSession) -> None:
    await place(http, "a")
    whole = await ticked(http, 1)
    waiting = asyncio.create_task(page(http, whole[0]["id"], wait="20s"))
    empty, response = await page(http, whole[0]["id"], timeout="50")
    assert empty == []
    assert END in response.headers
    await place(http, "b")
    found, _ = await waiting
    assert len(found) == 1
    assert found == (await ticked(http, 2))[1:]


@asynccontextmanager
async def stream(
    http: aiohttp.ClientSession, query: str = "", last: str = ""
) -> AsyncIterator[AsyncIterator[tuple[str, dict[str, Any] | None]]]:
    """Read a stream as a browser does: ids, and the event that came with one, if any."""
    headers = STREAM | ({"Last-Event-ID": last} if last else {})
    async with http.get(f"/api/feed{query}", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"

        async def read() -> AsyncIterator[tuple[str, dict[str, Any] | None]]:
            cursor, event = "", None
            async for line in response.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    cursor = value
                elif name == "data":
                    event = json.loads(value)
                elif not line.strip() and cursor:
                    yield cursor, event
                    event = None

        yield read()


async def events(
    found: AsyncIterator[tuple[str, dict[str, Any] | None]], count: int
) -> list[dict[str, Any]]:
    taken: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        async for cursor, event in found:
            if event is not None:
                assert event["id"] == cursor
                taken.append(event)
            if len(taken) == count:
                break
    return taken


async def test_a_stream_goes_on_and_is_resumed(http: aiohttp.ClientSession) -> None:
    await place(http, "a", "b")
    async with stream(http, "?after=beginning") as first:
        taken = await events(first, 2)
        await place(http, "c")
        taken += await events(first, 1)
    assert taken == await ticked(http, 3)
    async with stream(http, "?after=beginning", last=taken[0]["id"]) as again:
        assert await events(again, 2) == taken[1:]
    async with stream(http, "?after=now") as late:
        cursor, event = await anext(late)
        assert (cursor, event) == (taken[-1]["id"], None)
        await place(http, "d", store="central")
        (new,) = await events(late, 1)
    async with stream(http, f"?stores=uptown&after={cursor}") as filtered:
        async with asyncio.timeout(20):
            async for passed, event in filtered:
                assert event is None
                if passed == new["id"]:
                    break


async def test_a_tick_of_this_process_is_not_waited_for(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "POLL_SECONDS", 60)
    monkeypatch.setattr(source, "TOLD_POLL_SECONDS", 60)
    monkeypatch.setattr(feed, "_KEEPALIVE_SECONDS", 60)
    async with stream(http, "?after=now") as found:
        for key in "abc":
            await place(http, key)
            assert len(await events(found, 1)) == 1


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0.5, br"])
async def test_a_stream_for_a_proxy_that_speaks_http_1_0(
    accepted: str, http: aiohttp.ClientSession, server_url: str
) -> None:
    """As nginx does by default: there are no chunks then, and what is not in one is the same."""
    await place_many(http, 250)
    whole = await ticked(http, 250)
    request = (
        "GET /api/feed?after=beginning&format=sse HTTP/1.0\r\nHost: localhost\r\n"
        f"Accept-Encoding: {accepted}\r\n\r\n"
    )
    async with connection(server_url) as (reader, writer):
        writer.write(request.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head.lower()
        in_gzip = b"Content-Encoding: gzip\r\n" in head
        unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress if in_gzip else bytes
        text = b""
        async with asyncio.timeout(20):
            while text.count(b"\ndata: ") < len(whole) or not text.endswith(b"\n\n"):
                text += unpack(await reader.read(1_000))
    assert in_gzip == ("gzip" in accepted)
    lines = text.decode().splitlines()
    taken = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert taken == whole
    assert all(not line or line.startswith(("id: ", "data: ")) for line in lines)


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_each_event_of_a_stream_can_be_read_before_the_next(
    coding: str, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_KEEPALIVE_SECONDS", 0.05)
    headers = STREAM | {"Accept-Encoding": coding}
    async with (
        aiohttp.ClientSession(server_url) as http,
        http.get("/api/feed?after=now", headers=headers) as response,
    ):
        assert response.headers.get("Content-Encoding", "identity") == coding
        assert "Accept-Encoding" in response.headers["Vary"]
        for store in ("uptown", "central"):
            await place(http, store, store=store)
            async with asyncio.timeout(20):
                while f'"subject":"{store}"' not in (await response.content.readline()).decode():
                    pass
                while await response.content.readline() != b":\n":  # that the connection lives
                    pass


async def test_readers_share_what_is_read(http: aiohttp.ClientSession) -> None:
    await place_many(http, 300)
    whole = await ticked(http, 300)

    async def read() -> list[dict[str, Any]]:
        async with stream(http) as found:
            return await events(found, 301)

    readers = [asyncio.create_task(read()) for _ in range(10)]
    await asyncio.sleep(0)
    await place(http, "last")
    for taken in await asyncio.gather(*readers):
        assert taken[:300] == whole


async def test_readers_at_the_end_do_not_ask_the_database_each(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers, orders, asked = 10, 6, 0
    read = FeedTable.read

    async def counted(
        self: FeedTable, position: FeedPosition, rows: int | None = None
    ) -> list[FeedRows]:
        nonlocal asked
        asked += 1
        return await read(self, position, rows)

    await place(http, "first")
    await ticked(http, 1)
    monkeypatch.setattr(FeedTable, "read", counted)
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(stream(http, "?after=now")) for _ in range(readers)
        ]
        for number in range(orders):
            await place(http, f"order-{number}")
            for found in streams:
                await events(found, 1)
            if number == 0:
                asked = 0  # where it begins, each asks
    # Each order once for all, and again if the next look at the ticks comes between two readers.
    assert asked < readers * (orders - 1) / 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=nothing", "after"),
        ("after=2026-01-31", "after"),
        ("after=0123456789ab.1.00", "after"),
        ("limit=0", "limit"),
        ("limit=5001", "limit"),
        ("limit=%C2%B2", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=" + "0" * 8 + "1" * 5000, "limit"),
        ("limit=0000000015001", "limit"),
        ("after=0001-01-01T00:00%2B14:00", "after"),
        ("after=9999-12-31T23:59:59-14:00", "after"),
        ("wait=61", "wait"),
        ("wait=-1", "wait"),
        ("wait=nan", "wait"),
        ("timeout=60001", "timeout"),
        ("part=0/3", "part"),
        ("part=4/3", "part"),
        ("part=1/65", "part"),
        ("stores=nowhere", "stores"),
        ("drinks=water", "drinks"),
        ("format=xml", "format"),
        ("format=sse&limit=5", "limit"),
        ("store=uptown", "store"),
        ("after=now&after=now", "after"),
    ],
)
async def test_what_cannot_be_used_is_named(
    http: aiohttp.ClientSession, query: str, field: str
) -> None:
    async with http.get(f"/api/feed?{query}") as response:
        assert response.status == 422
        problem = await response.json()
    assert [fault["field"] for fault in problem["errors"]] == [field]


async def test_a_cursor_that_leads_nowhere(http: aiohttp.ClientSession) -> None:
    await place(http, "a")
    (event,) = await ticked(http, 1)
    lineage, number, check = event["id"].split(".")
    strangers = [
        f"{lineage}.{number}.{'0' * 8}",
        f"{lineage}.{int(number) + 7}.{check}",
        f"{'0' * 12}.{number}.{check}",
        f"{lineage}.{number}.{'A' * 22}.{check}",
    ]
    for cursor in strangers:
        for accept in ("application/json", "text/event-stream"):
            async with http.get(
                "/api/feed", params={"after": cursor}, headers={"Accept": accept}
            ) as response:
                assert response.status == 410
                assert str(response.links["first"]["url"]).endswith("?after=beginning")
                assert "after=beginning" in (await response.json())["detail"]
    with pytest.raises(Gone):
        async for _ in Feed(str(http._base_url), after=strangers[0]):
            pass


async def test_a_token_is_needed_and_the_one_that_reads_is_enough(run_server: RunServer) -> None:
    async with (
        run_server(token="orders", read_token="reads") as url,
        aiohttp.ClientSession(url) as http,
    ):
        async with http.get("/api/feed") as response:
            assert response.status == 401
        async with http.get("/api/feed", headers={"Authorization": "Bearer reads"}) as response:
            assert response.status == 200
        batches = [batch async for batch in Feed(url, "reads", follow=False)]
        assert [batch.at_end for batch in batches] == [True]


async def test_readers_are_limited(run_server: RunServer) -> None:
    async with run_server(max_feed_readers=2) as url, aiohttp.ClientSession(url) as http:
        async with stream(http) as one, stream(http) as two:
            await anext(one), await anext(two)
            async with http.get("/api/feed") as response:
                assert response.status == 503
                assert response.headers["Retry-After"] == "10"
        async with asyncio.timeout(10):
            while (await http.get("/api/feed")).status != 200:
                await asyncio.sleep(0.01)


async def test_a_reader_that_waits_and_goes_leaves_its_place(run_server: RunServer) -> None:
    async with run_server(max_feed_readers=1) as url, aiohttp.ClientSession(url) as http:
        where = URL(url)
        reader, writer = await asyncio.open_connection(where.host, where.port)
        head = f"GET /api/feed?after=now&wait=60s HTTP/1.1\r\nHost: {where.authority}\r\n\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(WITHIN):
            while (await http.get("/api/feed")).status == 200:
                await asyncio.sleep(POLL)
        writer.write_eof()
        async with asyncio.timeout(WITHIN):
            assert b" 200 OK\r\n" in await reader.readuntil(b"\r\n\r\n")
            while (await http.get("/api/feed")).status != 200:
                await asyncio.sleep(POLL)
        writer.close()


async def test_what_was_committed_before_a_reader_began_has_a_tick_before_it_ends(
    run_server: RunServer,
) -> None:
    async with (
        run_server(aggregation_interval=60) as url,
        aiohttp.ClientSession(url) as http,
    ):
        await place_many(http, 10)
        batches = [batch async for batch in Feed(url, follow=False)]
        assert sum(len(batch.events) for batch in batches) == 10


async def test_the_client_follows_and_ends(http: aiohttp.ClientSession, server_url: str) -> None:
    await place_many(http, 10)
    whole = await ticked(http, 10)
    taken, cursor = [], "beginning"
    async for batch in Feed(server_url, limit=4, follow=False):
        taken += [event.id for event in batch.events]
        cursor = batch.cursor
    assert taken == [event["id"] for event in whole]
    placing = asyncio.create_task(place(http, "new"))
    async with asyncio.timeout(20):
        async for batch in Feed(server_url, after=cursor):
            assert [event.data.drink for event in batch.events] == ["latte"]
            assert batch.events[0].order().store == "uptown"
            break
    await placing


async def test_a_stream_ends_with_the_server(run_server: RunServer) -> None:
    async with aiohttp.ClientSession() as http:
        async with run_server() as url:
            response = await http.get(f"{url}/api/feed", headers=STREAM)
            await response.content.readline()
        async with asyncio.timeout(5):
            await response.content.read()


@pytest.mark.long
async def test_a_reader_that_takes_nothing_holds_up_nobody(
    http: aiohttp.ClientSession, server_url: str
) -> None:
    """Its position stays where it is, and what it has not read is not kept for it."""
    async with connection(server_url) as (_, writer):
        writer.write(b"GET /api/feed?format=sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await writer.drain()
        async with stream(http) as found:
            for _ in range(6):
                await place_many(http, 5_000)
                assert len(await events(found, 5_000)) == 5_000


async def broken(
    found: AsyncIterator[tuple[str, dict[str, Any] | None]],
) -> list[dict[str, Any]]:
    """Read until the stream breaks; return the events until then."""
    taken = []
    with suppress(aiohttp.ClientPayloadError, ConnectionError):
        async for _, event in found:
            if event is not None:
                taken.append(event)
        raise AssertionError("the stream has ended in order")
    return taken


async def test_what_was_read_of_another_history_is_not_served(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    """Files were put back: the same ticks at first, and then others."""
    await place(http, "a")
    (first,) = await ticked(http, 1)
    await place(http, "b")
    await ticked(http, 2)
    _, read = await page(http, first["id"])  # which is kept
    lost = read.headers[CURSOR]
    database = await asyncpg.connect(database_url)
    await database.execute("UPDATE feed_tick SET time = time + interval '1 us' WHERE number > 1")
    await database.close()
    async with http.get("/api/feed", params={"after": lost}) as response:
        assert response.status == 410
    (again,), _ = await page(http, first["id"])
    assert again["id"] != lost


async def test_a_pruned_tick_is_gone_in_a_stream_too(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    await place(http, "a")
    (event,) = await ticked(http, 1)
    async with stream(http, f"?after={event['id']}") as found:
        await anext(found)
        database = await asyncpg.connect(database_url)
        await database.execute("DELETE FROM feed_tick")
        await database.close()
        await place(http, "b")
        async with asyncio.timeout(20):
            assert await broken(found) == []
    async with http.get("/api/feed", headers=STREAM | {"Last-Event-ID": event["id"]}) as response:
        assert response.status == 410
