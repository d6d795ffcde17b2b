"""A stream in gzip of pieces that were compressed by themselves."""

from __future__ import annotations

import asyncio
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.feed import gzip_stream
from coffeert.server.feed.gzip_stream import GZIP_HEADER, gzip_piece, large_gzip_piece


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_each_piece_can_be_read_as_soon_as_it_is_there(pieces: list[bytes]) -> None:
    inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    assert inflate.decompress(GZIP_HEADER) == b""
    assert [inflate.decompress(gzip_piece(piece)) for piece in pieces] == pieces


@pytest.mark.parametrize("size", [0, 99, 100, 101, 5_000])
def test_a_large_piece_is_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_stream, "_AT_ONCE", 100)
    data = bytes(range(256)) * 20
    assert asyncio.run(large_gzip_piece(data[:size])) == gzip_piece(data[:size])
