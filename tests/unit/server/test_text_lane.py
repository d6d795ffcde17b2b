"""The lane takes plain text frames and no others, however the bytes arrive, and leaves out none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.ws.orders import UNANSWERED, WebSocketOrders
from coffeert.server.ws.reader import OrderFrameReader

PING, PONG, CLOSE, BINARY, CONTINUED, TEXT = 0x89, 0x8A, 0x88, 0x82, 0x80, 0x81
MASK = b"\x1a\x2b\x3c\x4d"


def frame(payload: bytes, kind: int = TEXT, *, masked: bool = True) -> bytes:
    bit = 0x80 if masked else 0
    length = len(payload)
    if length < 126:
        head = bytes((kind, bit | length))
    elif length < 1 << 16:
        head = bytes((kind, bit | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((kind, bit | 127)) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))


class Taken:
    """Stands for `WebSocketOrders`: keeps the texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.unanswered = 0
        self.on_room: Callable[[], object] = lambda: None

    def take(self, text: str) -> None:
        self.texts.append(text)

    def send_refusals(self) -> None:
        pass


class Rest(asyncio.Protocol):
    """Stands for aiohttp's protocol: keeps the bytes."""

    def __init__(self) -> None:
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data


class Wire(asyncio.Transport):
    """A transport that is read from or not."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False


class Lane:
    def __init__(self, frame_limit: int = 65_536) -> None:
        self.taken, self.rest, self.wire = Taken(), Rest(), Wire()
        orders = cast("WebSocketOrders", self.taken)
        self.lane = OrderFrameReader(self.rest, self.wire, orders, frame_limit=frame_limit)

    async def gets(self, data: bytes, cuts: list[int] | None = None) -> None:
        ends = sorted({min(cut, len(data)) for cut in cuts or []} | {len(data)})
        for start, end in zip([0, *ends], ends, strict=False):
            if end > start:
                self.lane.data_received(data[start:end])
                while not self.wire.reading and self.taken.unanswered < UNANSWERED:
                    await asyncio.sleep(0)


texts = st.text(max_size=200) | st.text("aé", min_size=120, max_size=130)


@given(st.lists(texts | st.none(), max_size=100), st.lists(st.integers(0, 2_000), max_size=20))
async def test_texts_are_taken_and_pings_are_left_in_whatever_pieces_they_come(
    sent: list[str | None], cuts: list[int]
) -> None:
    lane = Lane()
    data = b"".join(frame(b"hi", PING) if one is None else frame(one.encode()) for one in sent)
    await lane.gets(data, cuts)
    assert lane.taken.texts == [one for one in sent if one is not None]
    assert lane.rest.data == frame(b"hi", PING) * sent.count(None)


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
async def test_from_anything_else_on_all_is_left_to_aiohttp(doubtful: bytes, cut: int) -> None:
    lane = Lane()
    behind = frame(b"later") + frame(b"", PONG)
    data = frame(b"first") + frame(b"now", PING) + doubtful + behind
    pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
    for piece in pieces:
        lane.lane.data_received(piece)
    assert lane.taken.texts == ["first"]
    assert lane.rest.data == frame(b"now", PING) + doubtful + behind


async def test_what_the_server_takes_no_more_is_left_to_say_so() -> None:
    lane = Lane(frame_limit=100)
    await lane.gets(frame(b"x" * 99) + frame(b"y" * 100))
    assert lane.taken.texts == ["x" * 99]
    assert lane.rest.data == frame(b"y" * 100)


async def test_a_client_without_answers_is_not_read_until_it_has_some() -> None:
    lane = Lane()
    lane.lane.data_received(frame(b"1"))
    lane.taken.unanswered = UNANSWERED
    lane.lane.data_received(frame(b"2") + frame(b"3")[:4])
    assert not lane.wire.reading
    lane.wire.reading = True  # aiohttp, for reasons of its own
    lane.lane.data_received(frame(b"3")[4:])
    assert not lane.wire.reading
    assert lane.taken.texts == ["1"]
    lane.taken.unanswered -= 1
    lane.taken.on_room()
    await asyncio.sleep(0)
    assert lane.taken.texts == ["1", "2", "3"]
    assert lane.wire.reading


async def test_a_client_that_takes_no_answers_is_not_read() -> None:
    lane = Lane()
    lane.lane.pause_writing()
    lane.lane.data_received(frame(b"1"))
    assert (lane.taken.texts, lane.wire.reading) == ([], False)
    lane.lane.resume_writing()
    assert (lane.taken.texts, lane.wire.reading) == (["1"], True)


async def test_once_reading_was_stopped_a_ping_leaves_the_lane() -> None:
    """aiohttp would stop reading, and the lane begin again."""
    lane = Lane()
    lane.taken.unanswered = UNANSWERED
    lane.lane.data_received(frame(b"", PING) + frame(b"1"))
    lane.taken.unanswered = 0
    lane.taken.on_room()
    await asyncio.sleep(0)
    assert lane.taken.texts == []
    assert lane.rest.data == frame(b"", PING) + frame(b"1")
    assert lane.wire.reading


async def test_many_frames_take_several_turns() -> None:
    lane = Lane()
    lane.lane.data_received(frame(b"x") * 150)
    taken = [len(lane.taken.texts)]
    while len(lane.taken.texts) < 150:
        await asyncio.sleep(0)
        taken.append(len(lane.taken.texts))
    assert taken == [64, 128, 150]
    assert lane.wire.reading
