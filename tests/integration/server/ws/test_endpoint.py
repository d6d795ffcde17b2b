"""`/ws/dashboard`: what a client gets and in which order, and a client that does not read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import pytest

from coffeert.domain.orders import new_order_id
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.domain.view import View
from coffeert.wire.frames import (
    Ack,
    Delta,
    Goodbye,
    Heartbeat,
    Hello,
    Refusal,
    ServerFrame,
    Snapshot,
    change_from,
    decode_server_frame,
)
from coffeert.wire.websocket import masked_text_frame
from tests.integration.server.conftest import RunServer
from tests.waiting import eventually

F = TypeVar("F", bound=ServerFrame)
LATTE: dict[str, Any] = {"store": "uptown", "drink": "latte"}


class Reader:
    """A client that applies every frame and checks it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.view: View | None = None
        self.totals = WindowTotals()
        self.epoch = ""
        self.version = -1

    async def next(self) -> ServerFrame:
        async with asyncio.timeout(10):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        frame: ServerFrame = decode_server_frame(message.data)
        match frame:
            case Snapshot():
                self.view = View(change_from(frame.view))
                self.epoch, self.version = frame.epoch, frame.version
                self.totals = frame.view.totals
            case Delta():
                assert self.view is not None
                assert frame.epoch == self.epoch
                assert frame.from_ <= self.version < frame.to
                self.view.apply(change_from(frame.view))
                self.version, self.totals = frame.to, frame.view.totals
            case _:
                return frame
        # The sums of its own cells are the server's at every version.
        assert self.view.cube.totals() == self.totals
        return frame

    async def until(self, kind: type[F]) -> F:
        while True:
            frame = await self.next()
            if isinstance(frame, kind):
                return frame

    async def sees(self, orders: int) -> None:
        while self.totals.day.orders != orders:
            await self.next()

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)


@asynccontextmanager
async def watching(url: str, query: str = "") -> AsyncIterator[Reader]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/ws/dashboard{query}", max_msg_size=0) as socket,
    ):
        yield Reader(socket)


async def test_hello_comes_first_then_the_whole_view(server_url: str) -> None:
    async with watching(server_url) as reader:
        hello = await reader.next()
        assert isinstance(hello, Hello)
        assert hello.protocol == 2
        assert {drink.code for drink in hello.menu.drinks} >= {"latte", "flat-white"}
        snapshot = await reader.next()
        assert isinstance(snapshot, Snapshot)
        heartbeat = await reader.until(Heartbeat)
        assert heartbeat.version >= snapshot.version
        assert heartbeat.health.database.ok


async def test_orders_and_voids_reach_every_client(
    server_url: str, http: aiohttp.ClientSession
) -> None:
    async with watching(server_url) as one, watching(server_url) as two:
        ids = []
        for _ in range(20):
            async with http.post("/api/orders", json=LATTE) as response:
                ids.append((await response.json())["order_id"])
        await asyncio.gather(one.sees(20), two.sees(20))
        assert one.view is not None
        assert {str(order.order_id) for order in one.view.recent} == set(ids)
        for order_id in ids:
            async with http.post(f"/api/orders/{order_id}/void") as response:
                assert response.status == 201
        await asyncio.gather(one.sees(0), two.sees(0))
        assert dict(one.view.cube.cells()) == {}


async def test_a_client_that_joins_later_gets_the_same_view(
    server_url: str, http: aiohttp.ClientSession
) -> None:
    for number in range(30):
        async with http.post("/api/orders", json=LATTE | {"quantity": number % 3 + 1}):
            pass
    async with watching(server_url) as early:
        await early.sees(30)
        async with watching(server_url) as late:
            await late.sees(30)
            assert early.view is not None
            assert late.view is not None
            assert dict(early.view.cube.cells()) == dict(late.view.cube.cells())
            assert early.view.recent == late.view.recent
    async with http.get("/api/dashboard") as response:
        dashboard = decode_server_frame(await response.read())
        assert isinstance(dashboard, Snapshot)
        assert dashboard.view.totals == early.totals
        etag = response.headers["ETag"]
    async with http.get("/api/dashboard", headers={"If-None-Match": etag}) as response:
        assert response.status in (200, 304)  # a new minute may just have begun


async def test_a_client_resumes_where_it_was(server_url: str, http: aiohttp.ClientSession) -> None:
    async with watching(server_url) as reader:
        await reader.until(Snapshot)
    async with http.post("/api/orders", json=LATTE):
        pass
    async with watching(server_url, f"?epoch={reader.epoch}&version={reader.version}") as again:
        again.view, again.epoch, again.version = reader.view, reader.epoch, reader.version
        assert isinstance(await again.next(), Hello)
        while True:
            frame = await again.next()
            assert not isinstance(frame, Snapshot)
            if again.totals.day.orders == 1:
                break


@pytest.mark.parametrize(
    "query", ["?epoch=other&version=1", "?epoch=&version=-1", "?version=x", "?version=" + "9" * 99]
)
async def test_an_unknown_position_gets_the_whole_view(server_url: str, query: str) -> None:
    async with watching(server_url, query) as reader:
        assert isinstance(await reader.next(), Hello)
        assert isinstance(await reader.next(), Snapshot)


async def test_resync_gives_the_whole_view(server_url: str) -> None:
    async with watching(server_url) as reader:
        first = await reader.until(Snapshot)
        await reader.send(type="resync")
        second = await reader.until(Snapshot)
        assert second.epoch == first.epoch
        assert second.version >= first.version


async def test_an_order_over_websocket_counts_as_one_over_http(
    server_url: str, http: aiohttp.ClientSession
) -> None:
    key = str(new_order_id())
    async with watching(server_url) as reader:
        await reader.send(type="order", ref="a", order_id=key, **LATTE)
        ack = await reader.until(Ack)
        assert (ack.ref, ack.status, str(ack.order.order_id)) == ("a", 201, key)
        await reader.send(type="order", ref="b", order_id=key, **LATTE)
        again = await reader.until(Ack)
        assert (again.ref, again.status, again.order) == ("b", 200, ack.order)
        await reader.send(type="order", ref="c", order_id=key, store="central", drink="tea")
        refusal = await reader.until(Refusal)
        assert (refusal.ref, refusal.status) == ("c", 409)
    async with http.post("/api/orders", json=LATTE | {"order_id": key}) as response:
        assert response.status == 200


async def test_any_number_of_orders_may_be_sent_before_the_first_answer(server_url: str) -> None:
    """With 256 unanswered orders the server stops reading, until there are fewer."""
    async with watching(server_url) as reader:
        refs = [str(number) for number in range(900)]
        for ref in refs:
            await reader.send(type="order", ref=ref, **LATTE)
            if ref == "500":
                await reader.socket.ping(b"still there?")
        answered: list[str] = []
        while len(answered) < len(refs):
            frame = await reader.next()
            assert not isinstance(frame, Refusal)
            if isinstance(frame, Ack):
                answered.append(frame.ref)
        assert sorted(answered) == sorted(refs)
        await reader.sees(len(refs))


async def test_a_void_takes_effect_after_the_orders_that_were_sent_before(server_url: str) -> None:
    async with watching(server_url) as reader:
        await reader.until(Snapshot)
        for number in range(20):
            await reader.send(type="order", ref=f"o{number}", order_id=f"k{number}", **LATTE)
            await reader.send(type="void", ref=f"v{number}", void=f"k{number}")
        answers = 0
        while answers < 40:
            frame = await reader.next()
            assert not isinstance(frame, Refusal), frame
            answers += isinstance(frame, Ack)
        await reader.sees(0)


@pytest.mark.parametrize(
    ("text", "status", "ref", "named"),
    [
        ("", 400, None, set()),
        ("{", 400, None, set()),
        ("[]", 400, None, {"type"}),
        ("[" * 10_000, 400, None, {"type"}),
        ("{}", 400, None, {"type"}),
        ('{"type":"snapshot"}', 400, None, {"type"}),
        ('{"type":"resync","now":true}', 422, None, {"now"}),
        ('{"type":"order","store":"uptown","drink":"latte"}', 422, None, {"ref"}),
        ('{"type":"order","ref":"r","store":"uptown"}', 422, "r", {"drink"}),
        ('{"type":"order","ref":"r","store":"uptown","drink":"latte","price":NaN}', 400, None,
         set()),
        ('{"type":"order","ref":"r","store":"uptown","drink":"soup"}', 422, "r", {"drink"}),
        ('{"type":"order","ref":"r","store":"uptown","drink":"latte","quantity":1e99}', 422, "r",
         {"quantity"}),
        ('{"type":"order","ref":"r","store":"uptown","drink":"latte","ref":"s"}', 400, "s",
         {"ref"}),
        (json.dumps({"type": "order", "ref": "x" * 65, **LATTE}), 422, None, {"ref"}),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else None,
)  # fmt: skip
async def test_a_bad_frame_is_refused_and_the_connection_stays_open(
    server_url: str, text: str, status: int, ref: str | None, named: set[str]
) -> None:
    async with watching(server_url) as reader:
        await reader.socket.send_str(text)
        refusal = await reader.until(Refusal)
        assert (refusal.status, refusal.ref) == (status, ref)
        assert {error.field for error in refusal.errors} == named
        await reader.send(type="order", ref="good", **LATTE)
        assert (await reader.until(Ack)).ref == "good"


async def test_a_ping_is_answered(server_url: str) -> None:
    async with (
        aiohttp.ClientSession(server_url) as http,
        http.ws_connect("/ws/dashboard", autoping=False) as socket,
    ):
        await socket.ping(b"there?")
        async with asyncio.timeout(10):
            while (message := await socket.receive()).type is not aiohttp.WSMsgType.PONG:
                assert message.type is aiohttp.WSMsgType.TEXT
        assert message.data == b"there?"


async def test_binary_and_huge_frames_close_the_connection(server_url: str) -> None:
    for send, code in ((b"\x00", 1003), ("x" * 16_385, 1009)):
        async with watching(server_url) as reader:
            await reader.until(Snapshot)
            if isinstance(send, bytes):
                await reader.socket.send_bytes(send)
            else:
                await reader.socket.send_str(send)
            async for _ in reader.socket:
                pass
            assert reader.socket.close_code == code
    async with watching(server_url) as reader:
        await reader.until(Snapshot)
        await reader.socket.send_str("x" * 16_384)
        assert isinstance(await reader.until(Refusal), Refusal)


async def test_a_client_that_reads_nothing_is_closed_and_delays_no_other(
    run_server: RunServer,
) -> None:
    async with run_server(slow_client_timeout=0.3, heartbeat_interval=0.1) as url:
        # A raw connection that never reads after its handshake: its buffers fill.
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(
            b"GET /ws/dashboard HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined] # every transport here has it
        frame = masked_text_frame(b'{"type":"resync"}')
        async with watching(url) as other, aiohttp.ClientSession(url) as session:
            for _ in range(60):
                async with session.post("/api/orders", json=LATTE):
                    pass

            async def dropped() -> int:
                # Each asks for a snapshot, of kilobytes.
                for _ in range(200):
                    writer.write(frame)
                async with session.get("/readyz") as response:
                    return int((await response.json())["parts"]["sockets"].get("dropped", 0))

            async with asyncio.timeout(20):
                while not await dropped():
                    await asyncio.sleep(0.02)
            await other.sees(60)
        writer.transport.abort()


async def test_a_closing_server_says_goodbye(run_server: RunServer) -> None:
    async with aiohttp.ClientSession() as session:
        async with run_server() as url:
            socket = await session.ws_connect(f"{url}/ws/dashboard")
            await socket.receive()

            async def read() -> list[ServerFrame]:
                return [decode_server_frame(message.data) async for message in socket]

            reading = asyncio.create_task(read())
        await eventually(reading.done)
        goodbye = reading.result()[-1]
        assert isinstance(goodbye, Goodbye)
        assert 0 < goodbye.retry_after <= 2
        assert socket.close_code == 1012


async def test_a_changed_menu_is_sent_at_once(
    server_url: str, http: aiohttp.ClientSession, database_url: str
) -> None:
    from coffeert.domain.menu import Drink
    from coffeert.postgres.menu import add_drink
    from coffeert.postgres.pool import connect
    from coffeert.wire.frames import MenuChanged

    async with watching(server_url) as reader:
        await reader.until(Snapshot)
        connection = await connect(database_url, application_name="test")
        await add_drink(connection, Drink("mate", "Maté", 390))
        await connection.close()
        menu = (await reader.until(MenuChanged)).menu
        assert ("mate", "3.90") in {(drink.code, drink.price) for drink in menu.drinks}
        async with http.post("/api/orders", json={"store": "uptown", "drink": "mate"}) as response:
            assert response.status == 201
