"""A stream in gzip (RFC 1952) of pieces that are compressed once, for all readers."""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

GZIP_HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"
"""What a stream begins with: deflate, no flags and no time, the fastest algorithm, any system."""

_FASTEST: Final = 1  # higher levels make a feed hardly smaller
# Bytes that are compressed in two milliseconds. A thread is no gain for fewer: it waits up to 5 ms for the
# interpreter if the event loop is busy.
_AT_ONCE: Final = 512 * 1024


def gzip_piece(data: bytes) -> bytes:
    """Compress a piece that can follow any other: it refers to nothing before it and ends with a byte.

    A reader can read all of it before the next one comes (RFC 1951, section 3.2.4).
    """
    deflate = zlib.compressobj(_FASTEST, wbits=-zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH)


async def large_gzip_piece(data: bytes) -> bytes:
    """Compress a piece of any size without holding up the event loop."""
    if len(data) <= _AT_ONCE:
        return gzip_piece(data)
    return await asyncio.to_thread(gzip_piece, data)
