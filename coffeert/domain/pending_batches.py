"""Pending batches: what committed transactions have added that a pass may not have counted yet.

Batches that are shown together are sent and kept together, as one sum: that is all that is shown of them.
What each of them added is needed only if a pass has counted some and not the others, which is rare. So it
is kept as the bytes that were received and decoded only then: for two workers that takes 31 us of CPU an
order in place of 36 (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from coffeert.domain.rollups import Cells, Totals, add
from coffeert.domain.watermark import Xid

_CELL_BYTES = 300  # of a cell in a dict: the key, the totals and their numbers


class _Share(msgspec.Struct, frozen=True, array_like=True):
    """A transaction's part of a cell; `place` is the position of the cell in `PendingBatches.minutes`."""

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
        """Sum batches, each given as minute cells."""
        minutes: Cells = {}
        for cells in batches.values():
            for key, totals in cells.items():
                add(minutes, key, totals)
        places = {key: place for place, key in enumerate(minutes)}
        shares = [
            [(places[key], *totals) for key, totals in cells.items()] for cells in batches.values()
        ]
        return cls(tuple(batches), minutes, _encode(shares))

    @property
    def bytes_held(self) -> int:
        """Estimate of their memory in bytes."""
        return len(self.shares) + _CELL_BYTES * len(self.minutes)

    def apart(self) -> dict[Xid, Cells]:
        """Return the minute cells of each batch; raises `ValueError` if the shares make no sense."""
        shares = _decode(self.shares)
        keys = list(self.minutes)
        if any(not 0 <= share.place < len(keys) for batch in shares for share in batch):
            raise ValueError("a share of no cell")
        return {
            xid: {keys[one.place]: Totals(one.orders, one.quantity, one.cents) for one in batch}
            for xid, batch in zip(self.xids, shares, strict=True)
        }

    def only(self, xids: set[Xid]) -> PendingBatches:
        """Return these batches alone, or none if the shares, which another process wrote, are unreadable.

        Orders that are lost here are shown with the pass that counts them.
        """
        try:
            apart = self.apart()
        except ValueError:
            apart = {}
        return PendingBatches.of({xid: cells for xid, cells in apart.items() if xid in xids})


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[list[_Share]]).decode
