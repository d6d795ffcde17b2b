"""Frames in bytes: what one side writes the other reads, and `websockets` reads it alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from coffeert.wire.websocket import (
    PING,
    TEXT,
    close_frame,
    encode_frame,
    find_payload,
    masked_text_frame,
    read_server_frames,
    text_frame,
    unmask,
)

sizes = st.sampled_from([0, 1, 125, 126, 127, 1_000, 65_535, 65_536])
masks = st.binary(min_size=4, max_size=4)


def _parsed(data: bytes, *, masked: bool) -> Frame:
    """The one frame that another implementation sees in the data."""
    stream = StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    parsing = Frame.parse(stream.read_exact, mask=masked)
    try:
        next(parsing)
    except StopIteration as end:
        assert not stream.buffer
        frame: Frame = end.value
        return frame
    raise AssertionError("The frame is not complete.")


@given(sizes)
def test_another_implementation_reads_what_a_server_sends(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == encode_frame(TEXT, payload)
    assert _parsed(text_frame(payload), masked=False) == Frame(Opcode.TEXT, payload)


@given(sizes | st.integers(0, 300), masks)
def test_another_implementation_reads_what_a_client_sends(size: int, mask: bytes) -> None:
    payload = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    frame = masked_text_frame(payload, mask)
    assert _parsed(frame, masked=True) == Frame(Opcode.TEXT, payload)
    begin, end = find_payload(frame, 0)
    if size < 1 << 16:
        assert (end, unmask(frame, begin, end)) == (len(frame), payload)
    else:
        assert (begin, end) == (0, 0)


def test_a_mask_of_zeros_leaves_the_payload_as_it_is() -> None:
    assert masked_text_frame(b"payload").endswith(b"\0\0\0\0payload")


@given(st.binary(max_size=300), masks, st.binary(max_size=9))
def test_a_frame_that_is_not_complete_ends_behind_the_data(
    payload: bytes, mask: bytes, before: bytes
) -> None:
    frame = masked_text_frame(payload, mask)
    for cut in range(len(frame)):
        data = before + frame[:cut]
        _, end = find_payload(data, len(before))
        assert end > len(data)


def test_a_length_must_be_said_the_shortest_way() -> None:
    assert find_payload(bytes((TEXT, 0x80 | 126, 0, 5)) + b"mask12345", 0) == (0, 0)


def test_an_unmasked_frame_is_not_a_clients() -> None:
    assert find_payload(text_frame(b"x"), 0) == (0, 0)


@given(st.text(max_size=200))
def test_a_close_frame_has_a_code_and_a_reason_that_fits(reason: str) -> None:
    frame = _parsed(close_frame(1012, reason), masked=False)
    data = bytes(frame.data)
    assert frame.opcode is Opcode.CLOSE
    assert data[:2] == (1012).to_bytes(2)
    assert reason.startswith(data[2:].decode())
    assert len(data) <= 125
    assert data[2:].decode() == reason or len(data) > 121


@given(st.lists(sizes, max_size=5), st.lists(st.integers(1, 70_000), max_size=8))
def test_a_servers_frames_are_read_however_they_are_cut(
    lengths: list[int], cuts: list[int]
) -> None:
    payloads = [bytes([number]) * size for number, size in enumerate(lengths)]
    stream = b"".join(map(text_frame, payloads))
    rest, found, at = b"", list[bytes](), 0
    for cut in [*cuts, len(stream)]:
        read, rest = read_server_frames(rest + stream[at : at + cut])
        at += cut
        found += read
    assert found == payloads
    assert not rest


def test_other_frames_than_texts_come_as_nothing() -> None:
    data = encode_frame(PING, b"hi") + text_frame(b"x") + close_frame(1000, "")
    assert read_server_frames(data) == ([b"", b"x", b""], b"")
