"""Hot batches: what committed transactions have added that a pass may not have counted yet.

Those that are shown together travel and wait together: as one sum, which is all that is shown of them,
and apart only as bytes, which nobody reads but where a pass has counted some and not the others.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from coffeert.domain.rollups import Cells, Totals, add
from coffeert.domain.watermark import Xid

_CELL_BYTES = 300  # of a cell in a dictionary: key, tally and their numbers


class _Share(msgspec.Struct, frozen=True, array_like=True):
    """A transaction's part of a cell; `place` counts through the sum's cells."""

    place: int
    orders: int
    quantity: int
    cents: int


class PendingBatches(msgspec.Struct, frozen=True):
    """Some transactions and the sum of what they added, in minute cells.

    `shares` is a list of [place in `minutes`, orders, quantity, cents] for each transaction, in JSON.
    """

    xids: tuple[Xid, ...]
    minutes: Cells
    shares: bytes

    @classmethod
    def of(cls, batches: Mapping[Xid, Cells]) -> PendingBatches:
        """Put batches together; each is minute cells."""
        minutes: Cells = {}
        for cells in batches.values():
            for key, tally in cells.items():
                add(minutes, key, tally)
        places = {key: place for place, key in enumerate(minutes)}
        shares = [
            [(places[key], *tally) for key, tally in cells.items()] for cells in batches.values()
        ]
        return cls(tuple(batches), minutes, _encode(shares))

    @property
    def bytes_held(self) -> int:
        """About how much memory they take."""
        return len(self.shares) + _CELL_BYTES * len(self.minutes)

    def apart(self) -> dict[Xid, Cells]:
        """Take the batches apart again; raises `ValueError` where the shares make no sense."""
        shares = _decode(self.shares)
        keys = list(self.minutes)
        if any(not 0 <= share.place < len(keys) for batch in shares for share in batch):
            raise ValueError("a share of no cell")
        return {
            xid: {keys[one.place]: Totals(one.orders, one.quantity, one.cents) for one in batch}
            for xid, batch in zip(self.xids, shares, strict=True)
        }

    def only(self, xids: set[Xid]) -> PendingBatches:
        """Leave out all but these; none are left where the shares cannot be read.

        They came from another process. What is left out shows with the pass that counts it.
        """
        try:
            apart = self.apart()
        except ValueError:
            apart = {}
        return PendingBatches.of({xid: cells for xid, cells in apart.items() if xid in xids})


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[list[_Share]]).decode
