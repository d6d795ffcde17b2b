"""A chapter of the tape: a minute of lines, each compressed against those before it."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Final

from coffeert.tui.memory.pages import PageChanges

_RAW: Final = -zlib.MAX_WBITS
"""Deflate without a header and a checksum: nothing here leaves the process."""

_HELD: Final = sys.getsizeof((0.0, b"")) + sys.getsizeof(0.0) + 8
"""What a line takes beside its bytes: a pair, a moment, and a place in the list."""


class Chapter:
    """A stretch of the session.

    Lines can be read while others are still added: each ends at a byte, and needs those before it. What
    changes at 25 orders a second comes to a quarter or less; identifiers and sums are most of that.

    Attributes:
        start: Its first moment, in Unix seconds.
        size: The bytes of memory that its lines and pages take.
        undo: What turns the pages that the next chapter begins with into those of this one.
    """

    __slots__ = ("_compressor", "_lines", "size", "start", "undo")

    def __init__(self, start: float) -> None:
        self.start = start
        self.size = 0
        self.undo: PageChanges = {}
        self._lines: list[tuple[float, bytes]] = []
        self._compressor: zlib._Compress | None = zlib.compressobj(wbits=_RAW)

    @property
    def end(self) -> float:
        """The moment of the last line, in Unix seconds."""
        return self._lines[-1][0] if self._lines else self.start

    def write(self, at: float, line: bytes) -> None:
        """Add a line. Raises `ValueError` where the chapter is closed."""
        if self._compressor is None:
            raise ValueError("a closed chapter takes no lines")
        piece = self._compressor.compress(line) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        self._lines.append((at, piece))
        self.size += sys.getsizeof(piece) + _HELD

    def read(self, until: float) -> Iterator[tuple[float, bytes]]:
        """Yield the lines and their moments, up to one."""
        decompressor = zlib.decompressobj(wbits=_RAW)
        for at, piece in self._lines:
            if at > until:
                return
            yield at, decompressor.decompress(piece)

    def close(self, undo: PageChanges) -> None:
        """Take no more lines, and let go of what it takes to compress them (a quarter of a MiB)."""
        self._compressor = None
        self.undo = undo
        self.size += sys.getsizeof(undo)
        self.size += sum(sys.getsizeof(page) for page in undo.values() if page is not None)
