"""Frames in bytes: what is written can be read, however it is cut on its way."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from coffeert.lab.ws_frames import TEXT, take_payloads, text_frame

sizes = st.sampled_from([0, 1, 125, 126, 127, 1_000, 65_535, 65_536])


def _server_frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((TEXT, size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", TEXT, 126, size) + payload
    return struct.pack("!BBQ", TEXT, 127, size) + payload


@given(st.lists(sizes, max_size=5), st.lists(st.integers(1, 70_000), max_size=8))
def test_frames_arrive_whole_however_they_are_cut(lengths: list[int], cuts: list[int]) -> None:
    payloads = [bytes([number]) * size for number, size in enumerate(lengths)]
    stream = b"".join(map(_server_frame, payloads))
    buffer, found, at = bytearray(), [], 0
    for cut in [*cuts, len(stream)]:
        buffer += stream[at : at + cut]
        at += cut
        found += take_payloads(buffer)
    assert found == payloads
    assert not buffer


def test_control_frames_come_as_nothing() -> None:
    assert take_payloads(bytearray(b"\x89\x02hi" + _server_frame(b"x"))) == [b"", b"x"]


@given(st.binary(max_size=300))
def test_a_client_frame_is_masked_with_zeros(payload: bytes) -> None:
    frame = text_frame(payload)
    assert frame[0] == TEXT
    assert frame[1] & 0x80
    assert frame.endswith(b"\0\0\0\0" + payload)
