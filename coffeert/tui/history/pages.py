"""Pages: a picture's buckets written down small, each anew only when it has changed.

Most buckets of a picture never change again, so pictures taken one after another share most pages, and an
earlier one is told by how it differs from the one after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from coffeert.domain.rollups import GRAINS, Grain, RollupCube, StoreDrink, Totals
from coffeert.wire.columns import CellColumns, from_columns, to_columns

BucketName = tuple[Grain, int]
PageSet = Mapping[BucketName, bytes]
PageChanges = Mapping[BucketName, bytes | None]
"""Pages to set; `None` for a bucket that is not there."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CellColumns).decode


def difference(before: PageSet, after: PageSet) -> PageChanges:
    """Return what turns the pages `before` into those `after`."""
    gone: dict[BucketName, bytes | None] = dict.fromkeys(before.keys() - after.keys())
    return gone | {name: page for name, page in after.items() if before.get(name) != page}


def apply(changed: PageChanges, pages: dict[BucketName, bytes]) -> None:
    """Change pages."""
    for name, page in changed.items():
        if page is None:
            del pages[name]
        else:
            pages[name] = page


class Pages:
    """Writes and reads pages: numbers of cells, their orders, quantities and cents, as columns.

    The numbers count the pairs of store and drink as they were met; what is kept of them grows with the
    menu only.
    """

    __slots__ = ("_current", "_numbers", "_pairs")

    def __init__(self) -> None:
        self._pairs: list[StoreDrink] = []
        self._numbers: dict[StoreDrink, int] = {}
        self._current: dict[BucketName, bytes] = {}

    def change(self, buckets: Iterable[BucketName]) -> None:
        """Note that buckets are no longer as they were written down."""
        for name in buckets:
            self._current.pop(name, None)

    def begin_anew(self) -> None:
        """Note that the picture is another one."""
        self._current.clear()

    def of(self, picture: RollupCube) -> PageSet:
        """Return the pages of a picture; those of buckets without a change are the same objects."""
        known = self._current
        self._current = {
            (grain, bucket): known.get((grain, bucket))
            or self._write(picture.bucket(grain, bucket))
            for grain in GRAINS
            for bucket in picture.buckets(grain)
        }
        return dict(self._current)

    def restore(self, pages: PageSet, picture: RollupCube, newest: RollupCube) -> None:
        """Put what pages hold into a picture; `newest` is the one of which the changes were noted."""
        for (grain, bucket), page in pages.items():
            unchanged = self._current.get((grain, bucket)) is page
            # A copy is far cheaper than reading, but that picture may have left the bucket behind.
            copy = dict(newest.bucket(grain, bucket)) if unchanged else {}
            picture.set_bucket(grain, bucket, copy or self._read(page))

    def _read(self, page: bytes) -> dict[StoreDrink, Totals]:
        return dict(from_columns(_decode(page), self._pairs))

    def _write(self, cells: Mapping[StoreDrink, Totals]) -> bytes:
        for pair in cells.keys() - self._numbers.keys():
            self._numbers[pair] = len(self._pairs)
            self._pairs.append(pair)
        return _encode(to_columns((self._numbers[pair], tally) for pair, tally in cells.items()))
