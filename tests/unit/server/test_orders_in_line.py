"""At the gate, orders beyond what a turn takes wait in line or are refused; anything else passes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine

import aiohttp
import msgspec
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.http.doorway import ConnectionGuard, ConnectionLimiter
from coffeert.server.ingest.load_shedding import LoadShedder, is_whole_order

BODY = b'{"store":"uptown","drink":"latte"}'
WHOLE = (
    b"POST /api/orders HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


def test_a_whole_order_is_recognised() -> None:
    assert is_whole_order(WHOLE)


@pytest.mark.parametrize(
    "data",
    [
        WHOLE + WHOLE,
        WHOLE.replace(b"POST", b"GET"),
        WHOLE.replace(b"/api/orders", b"/api/orders/batch"),
        WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"),
        WHOLE.replace(b"Host: here", b"Transfer-Encoding: chunked"),
        WHOLE.replace(b"Host: here", b"expect: 100-continue"),
        WHOLE.replace(b"Host: here", b"Connection: close"),
        WHOLE.replace(b"Host: here", b"Content-Length: 5"),
        WHOLE.replace(b"Host: here", b"Host : here"),
        WHOLE.replace(b"Host: here", b" folded"),
        WHOLE.replace(b"Content-Length: 34\r\n", b""),
        WHOLE.replace(b"34", b"-1"),
        b"\r\n" + WHOLE,
    ],
)
def test_anything_unusual_is_left_to_the_parser(data: bytes) -> None:
    assert not is_whole_order(data)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_part_of_an_order_is_left_to_the_parser(length: int) -> None:
    assert not is_whole_order(WHOLE[:length])


class Answering(asyncio.Protocol):
    """Stands for the protocol behind the gate: answers every chunk."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")


async def test_a_refusal_is_a_problem_document_and_leaves_the_connection_open() -> None:
    shedder = LoadShedder()
    keeper = ConnectionLimiter(connections=0, rate=0, header_timeout=10, shedder=shedder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ConnectionGuard(Answering, keeper), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/orders"
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            shedder.shedding = True
            while shedder.admits():
                pass
            for _ in range(3):
                async with session.post(url, json={"store": "uptown", "drink": "latte"}) as answer:
                    body = await answer.read()
                assert answer.status == 503
            shedder.leave()
            async with session.post(url, json={"store": "uptown", "drink": "latte"}) as taken:
                assert taken.status == 201
    finally:
        server.close()
        await server.wait_closed()
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == "1"
    assert msgspec.json.decode(body)["status"] == 503


class Quiet(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False


class Crowd:
    """Connections, each behind a gate, and what reached the protocol behind it."""

    def __init__(self, size: int) -> None:
        self.reached: list[tuple[int, bytes]] = []
        self.shedder = LoadShedder()
        self.keeper = ConnectionLimiter(
            connections=0, rate=0, header_timeout=10, shedder=self.shedder
        )
        self.transports = [Quiet() for _ in range(size)]
        self.gates = [self._gate(number) for number in range(size)]

    def _gate(self, number: int) -> ConnectionGuard:
        reached = self.reached

        class Behind(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                reached.append((number, data))

            def eof_received(self) -> None:
                reached.append((number, b""))

        gate = ConnectionGuard(Behind, self.keeper)
        gate.connection_made(self.transports[number])
        return gate

    def all_order(self) -> None:
        for gate in self.gates:
            gate.data_received(WHOLE)


async def test_more_orders_than_a_turn_takes_come_in_over_several_in_their_order() -> None:
    crowd = Crowd(150)
    crowd.all_order()
    assert len(crowd.reached) == 64
    for expected in (128, 150, 150):
        await asyncio.sleep(0)
        assert len(crowd.reached) == expected
    assert crowd.reached == [(number, WHOLE) for number in range(150)]


async def test_what_is_no_whole_order_does_not_wait() -> None:
    crowd = Crowd(70)
    for gate in crowd.gates[:69]:
        gate.data_received(WHOLE)
    crowd.gates[69].data_received(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n")
    assert [number for number, _ in crowd.reached] == [*range(64), 69]


async def test_what_comes_behind_an_order_in_line_does_not_overtake_it() -> None:
    crowd = Crowd(66)
    crowd.all_order()
    crowd.gates[65].data_received(b"POST")
    crowd.gates[64].eof_received()
    assert crowd.reached[64:] == [(65, WHOLE), (65, b"POST"), (64, WHOLE), (64, b"")]
    await asyncio.sleep(0)
    assert len(crowd.reached) == 68


async def test_an_order_in_line_goes_with_its_client() -> None:
    crowd = Crowd(68)
    crowd.all_order()
    crowd.gates[65].connection_lost(None)
    await asyncio.sleep(0)
    assert [number for number, _ in crowd.reached[64:]] == [64, 66, 67]


async def test_who_waits_in_line_neither_dawdles_nor_rests() -> None:
    keeper = ConnectionLimiter(
        connections=0, rate=0, header_timeout=10, first=lambda _: asyncio.Protocol()
    )
    gates = [ConnectionGuard(asyncio.Protocol, keeper) for _ in range(65)]
    for gate in gates:
        gate.connection_made(Quiet())
        gate.begin()
        gate.end()
    for gate in gates:
        gate.data_received(WHOLE)
    assert gates[0].dawdles(float("inf"))
    assert not gates[64].dawdles(float("inf"))
    assert not gates[64].rests(float("inf"))


async def test_a_refusal_comes_when_all_is_read_and_before_what_is_sent_next() -> None:
    crowd = Crowd(2)
    crowd.shedder.shedding = True
    while crowd.shedder.admits():
        pass
    crowd.all_order()
    assert not any(transport.written for transport in crowd.transports)
    crowd.gates[1].data_received(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n")
    assert [bool(transport.written) for transport in crowd.transports] == [False, True]
    await asyncio.sleep(0)
    assert [transport.written.count(b" 503 ") for transport in crowd.transports] == [1, 1]


async def test_refusals_go_in_bursts_but_only_so_many_before_all_is_read() -> None:
    crowd = Crowd(700)
    crowd.shedder.shedding = True
    while crowd.shedder.admits():
        pass
    told = []
    for gate in crowd.gates:
        gate.data_received(WHOLE)
        told.append(sum(bool(transport.written) for transport in crowd.transports))
    assert told == [min(512, number // 64 * 64) for number in range(1, 701)]
    await asyncio.sleep(0)
    assert all(transport.written.count(b" 503 ") == 1 for transport in crowd.transports)
    crowd.gates[0].data_received(WHOLE)
    assert crowd.transports[0].written.count(b" 503 ") == 1
    await asyncio.sleep(0)
    assert crowd.transports[0].written.count(b" 503 ") == 2


async def test_a_protocol_can_be_put_before_another_where_a_request_has_just_ended() -> None:
    crowd = Crowd(2)
    seen: list[bytes] = []

    class Before(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            seen.append(data)

    upgrade = b"GET /ws/dashboard HTTP/1.1\r\nHost: here\r\n\r\n"
    crowd.gates[0].data_received(upgrade)
    crowd.gates[1].data_received(upgrade + b"\x81")  # a part of a frame, which cannot be taken back
    for gate in crowd.gates:
        gate.put_before(lambda rest: Before())
        gate.data_received(b"more")
    assert seen == [b"more"]
    assert crowd.reached == [(0, upgrade), (1, upgrade + b"\x81"), (1, b"more")]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("end", [ConnectionGuard.close, ConnectionGuard.cut])
def test_whoever_is_let_go_before_the_refusal_is_sent_gets_none(
    run: Callable[[Coroutine[object, object, None]], None], end: Callable[[ConnectionGuard], None]
) -> None:
    wrong: list[dict[str, object]] = []

    async def refuse_and_end() -> None:
        shedder = LoadShedder()
        keeper = ConnectionLimiter(
            connections=0,
            rate=0,
            header_timeout=10,
            shedder=shedder,
            first=lambda _: asyncio.Protocol(),
        )
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: wrong.append(context))
        gates: list[ConnectionGuard] = []

        def gate() -> ConnectionGuard:
            gates.append(ConnectionGuard(Answering, keeper))
            return gates[-1]

        server = await loop.create_server(gate, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        while not gates:
            await asyncio.sleep(0)
        shedder.shedding = True
        while shedder.admits():
            pass
        gates[0].data_received(WHOLE)
        end(gates[0])
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(10):
                assert await reader.read() == b""
        gates[0].send_refusal(loop.time())
        writer.close()
        server.close()

    run(refuse_and_end())
    assert wrong == []
