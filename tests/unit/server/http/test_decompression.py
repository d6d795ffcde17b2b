"""Compressed bodies: whatever was packed is unpacked, and what is cut short or damaged is told."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.errors import Malformed, UnsupportedMediaType
from coffeert.server.http.decompression import unpacked

CODINGS = {"gzip": ("gzip", 31), "zlib": ("deflate", 15), "bare": ("deflate", -15)}
# What is repeated, and how often: large bodies are not to be printed.
BODIES = st.tuples(st.binary(max_size=300), st.integers(0, 1000))
SIZES = st.integers(1, 5_000)


Body = tuple[bytes, int]


def whole(body: Body) -> bytes:
    """Write a body out."""
    part, times = body
    return part * times


def pack(data: bytes, bits: int) -> bytes:
    """Compress data."""
    packer = zlib.compressobj(wbits=bits)
    return packer.compress(data) + packer.flush()


async def unpack(packed: bytes, coding: str, size: int) -> bytes:
    """Undo a coding of data that arrive so many bytes at a time."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(packed), size):
            yield packed[start : start + size]

    return b"".join([data async for data in unpacked(pieces(), coding)])


@pytest.mark.parametrize("name", CODINGS)
@given(body=BODIES, size=SIZES)
async def test_what_was_packed_is_unpacked(name: str, body: Body, size: int) -> None:
    (coding, bits), data = CODINGS[name], whole(body)
    assert await unpack(pack(data, bits), coding, size) == data
    assert await unpack(data, "identity", size) == data


@given(parts=st.lists(BODIES, max_size=5), size=SIZES)
async def test_members_of_gzip_are_one_body(parts: list[Body], size: int) -> None:
    packed = b"".join(pack(whole(part), 31) for part in parts)
    assert await unpack(packed, "gzip", size) == b"".join(map(whole, parts))


@pytest.mark.parametrize("name", CODINGS)
@given(body=BODIES, size=SIZES, share=st.floats(0, 1, exclude_max=True))
async def test_what_is_cut_short_is_told(name: str, body: Body, size: int, share: float) -> None:
    coding, bits = CODINGS[name]
    packed = pack(whole(body), bits)
    cut = packed[: max(1, int(len(packed) * share))]
    if len(cut) == len(packed):
        return
    with pytest.raises(Malformed):
        await unpack(cut, coding, size)


@given(data=st.binary(max_size=400), size=SIZES, coding=st.sampled_from(["gzip", "deflate"]))
async def test_noise_is_malformed_or_something(data: bytes, size: int, coding: str) -> None:
    """Never another error than ours."""
    try:
        await unpack(data, coding, size)
    except Malformed:
        return


@given(coding=st.text(max_size=20).filter(lambda text: text.strip()))
async def test_an_unknown_coding_is_refused(coding: str) -> None:
    if coding.strip().lower() in {"gzip", "x-gzip", "deflate", "identity"}:
        return
    with pytest.raises(UnsupportedMediaType):
        await unpack(b"x", coding, 1)
