"""A segment of the rewind buffer: a minute of events, and what its opening rollup cube looked like.

Most buckets of a cube never change again, so consecutive segments share most of them. Only the newest
segment's opening cube is kept whole; every older segment holds what turns the next one's into its own.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import GRAINS, Grain, StoreDrink, Totals
from coffeert.tui.history.spill_file import Blob, SpillFile
from coffeert.wire.columns import CellColumns, from_columns, to_columns

BucketKey = tuple[Grain, int]
"""Grain, and start in Unix seconds."""

EncodedCube = Mapping[BucketKey, bytes]
CubeDifference = Mapping[BucketKey, bytes | None]
"""Encoded buckets to set; `None` for a bucket to delete."""

_RAW_DEFLATE: Final = -zlib.MAX_WBITS  # no header and no checksum: nothing here leaves the process
_encode = msgspec.msgpack.Encoder().encode
_decode_columns = msgspec.msgpack.Decoder(CellColumns).decode
_decode_lines = msgspec.msgpack.Decoder(tuple[bytes, bytes, bytes]).decode
_decode_undo = msgspec.msgpack.Decoder(list[tuple[Grain, int, bytes | None]]).decode


class Segment:
    """The lines of a stretch of time, each compressed against those before it.

    Lines can be read while others are still added: each ends at a byte boundary. At 25 orders a second
    they shrink to a quarter or less; most of what remains are identifiers and sums. When a segment is
    closed, everything it holds is spilled.

    Attributes:
        start: Its first moment, in Unix seconds.
        end: The moment of its last line, in Unix seconds.
        size: The bytes that it takes, in memory and on disk.
    """

    __slots__ = (
        "_compressed",
        "_compressor",
        "_ends",
        "_lines",
        "_moments",
        "_undo",
        "end",
        "size",
        "start",
    )

    def __init__(self, start: float) -> None:
        self.start = self.end = start
        self.size = 0
        self._moments = array("d")
        self._ends = array("L")  # where each line ends in the compressed bytes
        self._compressed = bytearray()
        self._compressor: zlib._Compress | None = zlib.compressobj(wbits=_RAW_DEFLATE)
        self._lines: Blob | None = None
        self._undo: Blob | None = None

    def write(self, at: float, line: bytes) -> None:
        """Add a line. Raises `ValueError` if the segment is closed."""
        if self._compressor is None:
            raise ValueError("a closed segment takes no lines")
        self._compressed += self._compressor.compress(line)
        self._compressed += self._compressor.flush(zlib.Z_SYNC_FLUSH)
        self._moments.append(at)
        self._ends.append(len(self._compressed))
        self.end = at
        self.size = len(self._compressed) + 2 * self._moments.itemsize * len(self._moments)

    def read(self, until: float) -> Iterator[tuple[float, bytes]]:
        """Yield moments and lines up to a moment. Raises `OSError` if spilled ones cannot be read."""
        moments, ends, compressed = self._contents()
        decompressor = zlib.decompressobj(wbits=_RAW_DEFLATE)
        begin = 0
        for at, end in zip(moments, ends, strict=True):
            if at > until:
                return
            yield at, decompressor.decompress(compressed[begin:end])
            begin = end

    def close(self, undo: CubeDifference, spill_file: SpillFile) -> None:
        """Spill the lines; `undo` turns the opening cube of the next segment into that of this one.

        Nothing of them stays in memory, nor does the compressor (a quarter of a MiB).
        """
        lines = _encode((self._moments.tobytes(), self._ends.tobytes(), bytes(self._compressed)))
        buckets = _encode([(*key, encoded) for key, encoded in undo.items()])
        self._lines, self._undo = spill_file.put(lines), spill_file.put(buckets)
        self.size = len(lines) + len(buckets)
        self._compressor = None
        self._moments, self._ends, self._compressed = array("d"), array("L"), bytearray()

    def undo(self) -> CubeDifference:
        """Return what turns the next segment's opening cube into this one's; nothing while it is open.

        Raises `OSError` if it cannot be read.
        """
        if self._undo is None:
            return {}
        return {
            (grain, start): encoded for grain, start, encoded in _decode_undo(self._undo.read())
        }

    def _contents(self) -> tuple[array[float], array[int], bytes | bytearray]:
        if self._lines is None:
            return self._moments, self._ends, self._compressed
        moments, ends = array("d"), array("L")
        moment_bytes, end_bytes, compressed = _decode_lines(self._lines.read())
        moments.frombytes(moment_bytes)
        ends.frombytes(end_bytes)
        return moments, ends, compressed


def difference(before: EncodedCube, after: EncodedCube) -> CubeDifference:
    """Return what turns one encoded cube into another."""
    removed: dict[BucketKey, bytes | None] = dict.fromkeys(before.keys() - after.keys())
    return removed | {key: new for key, new in after.items() if before.get(key) != new}


def apply_difference(changes: CubeDifference, cube: dict[BucketKey, bytes]) -> None:
    """Change an encoded cube in place."""
    for key, encoded in changes.items():
        if encoded is None:
            del cube[key]
        else:
            cube[key] = encoded


class CubeEncoder:
    """Encodes the buckets of one cube as it changes, each again only after it has changed.

    A store and drink are encoded as one number, given out in the order in which pairs are met; what is
    kept of them grows with the menu only.
    """

    __slots__ = ("_current", "_numbers", "_pairs")

    def __init__(self) -> None:
        self._pairs: list[StoreDrink] = []
        self._numbers: dict[StoreDrink, int] = {}
        self._current: dict[BucketKey, bytes] = {}

    def invalidate(self, buckets: Iterable[BucketKey]) -> None:
        """Note that buckets have changed."""
        for key in buckets:
            self._current.pop(key, None)

    def reset(self) -> None:
        """Note that another cube follows."""
        self._current.clear()

    def encode(self, cube: RollupCube) -> EncodedCube:
        """Return the encoded buckets of a cube; those without a change are the same objects as before."""
        known = self._current
        self._current = {
            (grain, start): known.get((grain, start)) or self._encode(cube.bucket(grain, start))
            for grain in GRAINS
            for start in cube.buckets(grain)
        }
        return dict(self._current)

    def restore(self, encoded: EncodedCube, cube: RollupCube, newest: RollupCube) -> None:
        """Decode buckets into a cube; `newest` is the cube whose changes were noted."""
        for (grain, start), bucket in encoded.items():
            # Copying is far cheaper than decoding, but that cube may have dropped the bucket by now, or,
            # of a day, the cells of stores where a later one has begun.
            unchanged = self._current.get((grain, start)) is bucket
            whole = grain != "day" or start >= newest.retention.first_common_date
            copy = dict(newest.bucket(grain, start)) if unchanged and whole else {}
            cube.set_bucket(grain, start, copy or self._decode(bucket))

    def _encode(self, cells: Mapping[StoreDrink, Totals]) -> bytes:
        for pair in cells.keys() - self._numbers.keys():
            self._numbers[pair] = len(self._pairs)
            self._pairs.append(pair)
        return _encode(to_columns((self._numbers[pair], totals) for pair, totals in cells.items()))

    def _decode(self, encoded: bytes) -> dict[StoreDrink, Totals]:
        return dict(from_columns(_decode_columns(encoded), self._pairs))
