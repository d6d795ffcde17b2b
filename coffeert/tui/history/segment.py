"""A chapter of the tape: a minute of lines, each compressed against those before it."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator
from typing import Final

import msgspec

from coffeert.domain.rollups import Grain
from coffeert.tui.history.pages import PageChanges
from coffeert.tui.history.spill_file import Blob, SpillFile

_RAW: Final = -zlib.MAX_WBITS
"""Deflate without a header and a checksum: nothing here leaves the process."""

_Undo = list[tuple[Grain, int, bytes | None]]
_encode = msgspec.msgpack.Encoder().encode
_decode_lines = msgspec.msgpack.Decoder(tuple[bytes, bytes, bytes]).decode
_decode_undo = msgspec.msgpack.Decoder(_Undo).decode


class Segment:
    """A stretch of the session.

    Lines can be read while others are still added: each ends at a byte, and needs those before it. What
    changes at 25 orders a second comes to a quarter or less; identifiers and sums are most of that. When a
    chapter is closed, it goes onto a shelf.

    Attributes:
        start: Its first moment, in Unix seconds.
        end: The moment of its last line, in Unix seconds.
        size: The bytes that its lines and pages take, wherever they are.
    """

    __slots__ = (
        "_compressor",
        "_ends",
        "_lines",
        "_moments",
        "_pieces",
        "_undo",
        "end",
        "size",
        "start",
    )

    def __init__(self, start: float) -> None:
        self.start = self.end = start
        self.size = 0
        self._moments = array("d")
        self._ends = array("L")  # where each line ends in the pieces
        self._pieces = bytearray()
        self._compressor: zlib._Compress | None = zlib.compressobj(wbits=_RAW)
        self._lines: Blob | None = None
        self._undo: Blob | None = None

    def write(self, at: float, line: bytes) -> None:
        """Add a line. Raises `ValueError` where the chapter is closed."""
        if self._compressor is None:
            raise ValueError("a closed chapter takes no lines")
        self._pieces += self._compressor.compress(line)
        self._pieces += self._compressor.flush(zlib.Z_SYNC_FLUSH)
        self._moments.append(at)
        self._ends.append(len(self._pieces))
        self.end = at
        self.size = len(self._pieces) + 2 * self._moments.itemsize * len(self._moments)

    def read(self, until: float) -> Iterator[tuple[float, bytes]]:
        """Yield the lines and their moments, up to one. Raises `OSError` where they cannot be read."""
        moments, ends, pieces = self._contents()
        decompressor = zlib.decompressobj(wbits=_RAW)
        begin = 0
        for at, end in zip(moments, ends, strict=True):
            if at > until:
                return
            yield at, decompressor.decompress(pieces[begin:end])
            begin = end

    def close(self, undo: PageChanges, shelf: SpillFile) -> None:
        """Take no more lines; `undo` turns the pages that the next chapter begins with into those of this.

        Nothing of it stays in memory, and it lets go of what it takes to compress lines (a quarter of a
        MiB).
        """
        lines = _encode((self._moments.tobytes(), self._ends.tobytes(), bytes(self._pieces)))
        pages = _encode([(*name, page) for name, page in undo.items()])
        self._lines, self._undo = shelf.put(lines), shelf.put(pages)
        self.size = len(lines) + len(pages)
        self._compressor = None
        self._moments, self._ends, self._pieces = array("d"), array("L"), bytearray()

    def undo(self) -> PageChanges:
        """Return what turns the next chapter's pages into those of this one; nothing while it is open.

        Raises `OSError` where it cannot be read.
        """
        if self._undo is None:
            return {}
        return {(grain, bucket): page for grain, bucket, page in _decode_undo(self._undo.read())}

    def _contents(self) -> tuple[array[float], array[int], bytes | bytearray]:
        if self._lines is None:
            return self._moments, self._ends, self._pieces
        moments, ends = array("d"), array("L")
        moment_bytes, end_bytes, pieces = _decode_lines(self._lines.read())
        moments.frombytes(moment_bytes)
        ends.frombytes(end_bytes)
        return moments, ends, pieces
