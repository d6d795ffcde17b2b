"""Load shedding: bursts are served, a standing queue is cut, and refusals are whole answers."""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.doorway import Gate, Gatekeeper
from coffeert.server.load_shedding import LoadShedder, is_whole_order

BODY = b'{"store":"uptown","drink":"latte"}'
WHOLE = (
    b"POST /api/orders HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Loop:
    """A shedder and the turns of a loop that is as late as it is told to be."""

    def __init__(self, commit: float = 0.0) -> None:
        self.clock = Clock()
        self.shedder = LoadShedder(lambda: commit, clock=self.clock)

    def turn(self, lag: float) -> None:
        self.clock.now += 0.005 + lag
        self.shedder.turn(lag)

    def lag_for(self, seconds: float) -> None:
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.turn(0.03)

    def serve(self, capacity: int, turns: int) -> None:
        """Let in who may come, and answer so many a turn of 10 ms."""
        inside = 0
        for _ in range(turns):
            while self.shedder.admits():
                inside += 1
            self.turn(0.005)
            for _ in range(min(inside, capacity)):
                self.shedder.leave()
                inside -= 1


def test_a_late_turn_is_a_burst_and_sheds_nothing() -> None:
    loop = Loop()
    loop.turn(0.04)
    loop.turn(0.001)
    assert not loop.shedder.shedding
    for _ in range(20):
        loop.turn(0.03)
        loop.turn(0.001)  # it catches up in between
    assert not loop.shedder.shedding


def test_a_lag_that_stays_begins_shedding_and_calm_ends_it() -> None:
    loop = Loop()
    loop.lag_for(0.2)
    assert loop.shedder.shedding
    assert not loop.shedder.refusing
    for _ in range(150):  # a second without a refusal
        loop.turn(0.002)
    assert not loop.shedder.shedding


def test_what_is_refused_keeps_it_shedding() -> None:
    loop = Loop()
    loop.lag_for(0.2)
    while loop.shedder.admits():
        pass
    assert loop.shedder.shed == 1
    for _ in range(100):
        loop.turn(0.002)
        loop.shedder.admits()
    assert loop.shedder.shedding
    assert loop.shedder.refusing
    for _ in range(150):
        loop.turn(0.002)
    assert not loop.shedder.refusing


def test_the_room_follows_the_rate_of_answers() -> None:
    loop = Loop(commit=0.01)
    loop.lag_for(0.2)
    least = loop.shedder.room
    loop.serve(capacity=50, turns=200)  # 5,000 a second
    assert 145 <= loop.shedder.room <= 155  # what is answered in 10 ms and two commits
    loop.serve(capacity=1, turns=200)
    assert loop.shedder.room == least


def test_slow_commits_make_room_for_those_that_wait_for_them() -> None:
    quick, slow = Loop(), Loop(commit=0.2)
    for loop in (quick, slow):
        loop.lag_for(0.2)
        loop.serve(capacity=50, turns=200)
    assert slow.shedder.room > 5 * quick.shedder.room


@given(st.lists(st.integers(0, 300), min_size=1, max_size=30))
def test_no_more_are_inside_than_there_is_room_for(turns: list[int]) -> None:
    loop = Loop()
    loop.lag_for(0.2)
    for orders in turns:
        room = loop.shedder.room
        inside = sum(loop.shedder.admits() for _ in range(orders))
        assert inside == min(orders, room)
        for _ in range(inside):
            loop.shedder.leave()
        loop.turn(0.001)


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
    keeper = Gatekeeper(connections=0, rate=0, header_timeout=10, shedder=shedder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Gate(Answering, keeper), "127.0.0.1", 0)
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
