"""The reader handles plain text frames and no others, however the bytes arrive, and leaves out none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.ws.orders import MAX_UNANSWERED_ORDERS, WebSocketOrders
from coffeert.server.ws.reader import MAX_READ_SECONDS, OrderFrameReader
from coffeert.wire.websocket import CLOSE, PING, PONG, TEXT, encode_frame

BINARY, CONTINUED = 0x82, 0x80
MASK = b"\x1a\x2b\x3c\x4d"


def frame(payload: bytes, kind: int = TEXT, *, masked: bool = True) -> bytes:
    return encode_frame(kind, payload, mask=MASK if masked else b"")


class Handled:
    """Stands for `WebSocketOrders`: keeps the texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.unanswered = 0
        self.on_capacity: Callable[[], object] = lambda: None
        self.on_handle: Callable[[], object] = lambda: None
        self.flushed = 0

    def handle(self, text: str) -> None:
        self.texts.append(text)
        self.on_handle()

    def flush_refusals(self) -> None:
        self.flushed += 1


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Aiohttp(asyncio.Protocol):
    """Stands for aiohttp's protocol: keeps the bytes."""

    def __init__(self) -> None:
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data


class Transport(asyncio.Transport):
    """A transport that is read from or not."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False


class Case:
    def __init__(self, max_frame_bytes: int = 65_536) -> None:
        self.handled, self.aiohttp, self.transport = Handled(), Aiohttp(), Transport()
        self.clock = Clock()
        orders = cast("WebSocketOrders", self.handled)
        self.reader = OrderFrameReader(
            self.aiohttp,
            self.transport,
            orders,
            max_frame_bytes=max_frame_bytes,
            clock=self.clock,
        )

    async def gets(self, data: bytes, cuts: list[int] | None = None) -> None:
        ends = sorted({min(cut, len(data)) for cut in cuts or []} | {len(data)})
        for start, end in zip([0, *ends], ends, strict=False):
            if end > start:
                self.reader.data_received(data[start:end])
                while (
                    not self.transport.reading and self.handled.unanswered < MAX_UNANSWERED_ORDERS
                ):
                    await asyncio.sleep(0)


texts = st.text(max_size=200) | st.text("aé", min_size=120, max_size=130)


@given(st.lists(texts | st.none(), max_size=100), st.lists(st.integers(0, 2_000), max_size=20))
async def test_texts_are_handled_and_pings_passed_on_however_the_bytes_are_cut(
    sent: list[str | None], cuts: list[int]
) -> None:
    case = Case()
    data = b"".join(frame(b"hi", PING) if one is None else frame(one.encode()) for one in sent)
    await case.gets(data, cuts)
    assert case.handled.texts == [one for one in sent if one is not None]
    assert case.aiohttp.data == frame(b"hi", PING) * sent.count(None)


@pytest.mark.parametrize(
    "doubtful",
    [
        frame(b"", CLOSE),
        frame(b"x", BINARY),
        frame(b"x", 0x01) + frame(b"y", CONTINUED),
        frame(b"x", TEXT | 0x40),
        frame(b"x", TEXT | 0x10),
        frame(b"x", 0x83),
        frame(b"x", masked=False),
        frame(b"\xff"),
        frame(b"\xed\xa0\x80"),
        frame(b"x" * 5_000),
        frame(b"x" * 70_000),
        bytes((TEXT, 0x80 | 126, 0, 5)) + MASK + b"12345",
    ],
    ids=lambda data: data[:12].hex(),
)
@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7, 9, 4_000, 10**6])
async def test_from_any_other_frame_on_aiohttp_gets_everything(doubtful: bytes, cut: int) -> None:
    case = Case()
    behind = frame(b"later") + frame(b"", PONG)
    data = frame(b"first") + frame(b"now", PING) + doubtful + behind
    pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
    for piece in pieces:
        case.reader.data_received(piece)
    assert case.handled.texts == ["first"]
    assert case.aiohttp.data == frame(b"now", PING) + doubtful + behind


async def test_a_frame_beyond_the_limit_is_left_to_aiohttp() -> None:
    case = Case(max_frame_bytes=100)
    await case.gets(frame(b"x" * 99) + frame(b"y" * 100))
    assert case.handled.texts == ["x" * 99]
    assert case.aiohttp.data == frame(b"y" * 100)


async def test_a_client_with_many_unanswered_orders_is_not_read_from() -> None:
    case = Case()
    case.reader.data_received(frame(b"1"))
    case.handled.unanswered = MAX_UNANSWERED_ORDERS
    case.reader.data_received(frame(b"2") + frame(b"3")[:4])
    assert not case.transport.reading
    case.transport.reading = True  # aiohttp, for reasons of its own
    case.reader.data_received(frame(b"3")[4:])
    assert not case.transport.reading
    assert case.handled.texts == ["1"]
    case.handled.unanswered -= 1
    case.handled.on_capacity()
    await asyncio.sleep(0)
    assert case.handled.texts == ["1", "2", "3"]
    assert case.transport.reading


async def test_a_client_that_does_not_read_its_answers_is_not_read_from() -> None:
    case = Case()
    case.reader.pause_writing()
    case.reader.data_received(frame(b"1"))
    assert (case.handled.texts, case.transport.reading) == ([], False)
    case.reader.resume_writing()
    assert (case.handled.texts, case.transport.reading) == (["1"], True)


async def test_once_reading_was_paused_a_ping_leaves_the_connection_to_aiohttp() -> None:
    """aiohttp would pause reading, and the reader resume it."""
    case = Case()
    case.handled.unanswered = MAX_UNANSWERED_ORDERS
    case.reader.data_received(frame(b"", PING) + frame(b"1"))
    case.handled.unanswered = 0
    case.handled.on_capacity()
    await asyncio.sleep(0)
    assert case.handled.texts == []
    assert case.aiohttp.data == frame(b"", PING) + frame(b"1")
    assert case.transport.reading


async def test_a_burst_of_frames_is_read_in_slices_of_time() -> None:
    """Each of these frames takes half of the time that one connection may take at once."""
    case = Case()
    others = 0

    def other() -> None:
        nonlocal others
        others += 1
        if len(case.handled.texts) < 9:
            asyncio.get_running_loop().call_soon(other)

    case.handled.on_handle = lambda: case.clock.advance(MAX_READ_SECONDS / 2)
    asyncio.get_running_loop().call_soon(other)
    case.reader.data_received(frame(b"x") * 9)
    handled = [len(case.handled.texts)]
    while handled[-1] < 9:
        await asyncio.sleep(0)
        handled.append(len(case.handled.texts))
    assert handled == [2, 4, 6, 8, 9]
    assert others >= 4
    assert case.handled.flushed == 5
    assert case.transport.reading


async def test_a_flood_is_not_read_from_before_what_has_arrived_is_handled() -> None:
    case = Case()
    case.handled.on_handle = lambda: case.clock.advance(MAX_READ_SECONDS)
    case.reader.data_received(frame(b"x") * 2)
    case.reader.data_received(frame(b"x") * 4)
    while len(case.handled.texts) < 6:
        assert not case.transport.reading
        await asyncio.sleep(0)
    assert case.transport.reading


async def test_more_data_between_two_slices_waits_in_the_transport() -> None:
    case = Case()
    case.handled.on_handle = lambda: case.clock.advance(MAX_READ_SECONDS)
    case.reader.data_received(frame(b"1") + frame(b"2") + frame(b"3")[:4])
    assert case.transport.reading
    case.reader.data_received(frame(b"3")[4:])
    assert (case.handled.texts, case.transport.reading) == (["1"], False)
    for _ in range(2):
        await asyncio.sleep(0)
    assert (case.handled.texts, case.transport.reading) == (["1", "2", "3"], True)


async def test_one_frame_is_read_however_long_it_takes() -> None:
    case = Case()
    case.handled.on_handle = lambda: case.clock.advance(60)
    case.reader.data_received(frame(b"x"))
    assert (case.handled.texts, case.transport.reading) == (["x"], True)
