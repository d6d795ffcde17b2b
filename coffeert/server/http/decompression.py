"""Bodies that arrive compressed.

aiohttp can unpack them too, but takes one that is cut short for a whole one: the rest of its orders
would be missing without a word.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator

from coffeert.errors import Malformed, UnsupportedMediaType

_PIECE = 1 << 16  # bytes that are unpacked at a time, whatever the body grows to
_ZLIB, _GZIP, _BARE = zlib.MAX_WBITS, 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS
_UNPACKERS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
_DEFLATE_METHOD = 8  # in the low half of zlib's first byte; some clients leave zlib's header away


def unpacked(pieces: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Undo a body's `Content-Encoding`, piece by piece.

    Raises `UnsupportedMediaType` at once, and `Malformed` if the body turns out to be something else, or
    not to be whole.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return pieces
    if coding not in _UNPACKERS:
        raise UnsupportedMediaType(
            "Send the body as it is, or with Content-Encoding gzip or deflate."
        )
    return _unpack(pieces, coding)


async def _unpack(pieces: AsyncIterator[bytes], coding: str) -> AsyncIterator[bytes]:
    unpacker = _Unpacker(coding)
    async for packed in pieces:
        for data in unpacker.feed(packed):
            if data:
                yield data
            await asyncio.sleep(0)  # a few bytes may unpack to many, which must not hold the loop
    if not unpacker.whole:
        raise Malformed(f"The body is cut short: its {coding} data do not end.")


class _Unpacker:
    """Unpacks one body, of several gzip members too."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._stream: zlib._Decompress | None = None

    @property
    def whole(self) -> bool:
        """Whether what was begun has ended."""
        return self._stream is None or self._stream.eof

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Yield what a piece unpacks to, a little or nothing at a time; raises `Malformed`."""
        while packed:
            if self._stream is None or self._stream.eof:
                self._stream = self._open(packed[0])
            try:
                data = self._stream.decompress(packed, _PIECE)
            except zlib.error:
                raise Malformed(f"The body is not in {self._coding}, as it says.") from None
            packed = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            yield data

    def _open(self, first: int) -> zlib._Decompress:
        if self._stream is not None and self._coding == "deflate":
            raise Malformed("Something follows the end of the body's deflate data.")
        bits = _UNPACKERS[self._coding]
        if bits == _ZLIB and first & 0x0F != _DEFLATE_METHOD:
            bits = _BARE
        return zlib.decompressobj(bits)
