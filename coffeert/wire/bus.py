"""The messages between processes through Redis: passes and committed batches.

`lineage` names the history of one database; a reader ignores messages of another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec

from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import GRAINS, CellKey, Cells, Totals
from coffeert.domain.watermark import Watermark, Xid
from coffeert.wire.orders import OrderBody


class CommittedCell(msgspec.Struct, frozen=True, array_like=True):
    """A minute cell's increment by all the batches of a message."""

    bucket: int
    store: str
    drink: str
    orders: int
    quantity: int
    cents: int


class BatchesCommitted(msgspec.Struct, frozen=True, array_like=True):
    """What a server committed since its last frame; a batch counts unless the watermark sees it.

    `sender` names the process, so that it can ignore its own messages. `shares` are those of
    `PendingBatches`, decoded only if the batches have to be separated.
    """

    sender: str
    lineage: str
    xids: tuple[int, ...]
    cells: list[CommittedCell]
    shares: msgspec.Raw
    recent: list[OrderBody]

    @classmethod
    def of(
        cls, sender: str, lineage: str, batches: PendingBatches, recent: Iterable[Order]
    ) -> BatchesCommitted:
        """Make the message of batches, with those of their orders that are among the most recent."""
        return cls(
            sender,
            lineage,
            batches.xids,
            [
                CommittedCell(k.bucket, k.store, k.drink, *totals)
                for k, totals in batches.minutes.items()
            ],
            msgspec.Raw(batches.shares),
            [OrderBody.of(order) for order in recent],
        )

    def batches(self) -> PendingBatches:
        return PendingBatches(
            tuple(map(Xid, self.xids)),
            {
                CellKey("minute", cell.bucket, cell.store, cell.drink): Totals(
                    cell.orders, cell.quantity, cell.cents
                )
                for cell in self.cells
            },
            bytes(self.shares),
        )


class PassCell(msgspec.Struct, frozen=True, array_like=True):
    """A cell's absolute value after a pass; `grain` is an index into `GRAINS`."""

    grain: Annotated[int, msgspec.Meta(ge=0, lt=len(GRAINS))]
    bucket: int
    store: str
    drink: str
    orders: int
    quantity: int
    cents: int


class PassStats(msgspec.Struct, frozen=True, kw_only=True):
    """How a pass went: which leader made it, how many new orders it counted, how long it took."""

    leader: str
    rows: int
    pass_ms: float
    interval_s: float


class PassMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One pass of the aggregator. Cells are absolute, so applying one twice is harmless.

    It applies on top of pass `number - 1`, and of pass `number` itself. Any other reader, and every reader
    if `cells` is `None` (too many to send), loads the snapshot.
    """

    lineage: str
    number: int
    token: int
    watermark: str
    data_time: datetime
    stats: PassStats
    cells: list[PassCell] | None
    recent: list[OrderBody]

    def parsed_watermark(self) -> Watermark:
        """Return the watermark; raises `ValueError` if its text is not a `pg_snapshot`."""
        return Watermark.parse(self.watermark)

    def changed_cells(self) -> Cells:
        """Return the cells that the pass changed; none if there were too many to send."""
        return {
            CellKey(GRAINS[cell.grain], cell.bucket, cell.store, cell.drink): Totals(
                cell.orders, cell.quantity, cell.cents
            )
            for cell in self.cells or ()
        }


def pass_cells(cells: Cells) -> list[PassCell]:
    """Return the cells that a pass changed as they are sent in a `PassMessage`."""
    return [
        PassCell(GRAINS.index(key.grain), key.bucket, key.store, key.drink, *totals)
        for key, totals in cells.items()
    ]


def is_from(sender: str, data: bytes) -> bool:
    """Return True if an encoded `BatchesCommitted` is this sender's, without decoding it."""
    return data.startswith(b'["%b",' % sender.encode())


encode = msgspec.json.Encoder().encode
decode_batches = msgspec.json.Decoder(BatchesCommitted).decode
_decode_pass = msgspec.json.Decoder(PassMessage).decode


def decode_pass(data: bytes) -> PassMessage:
    """Read a message of a pass; raises `msgspec.DecodeError`, or `ValueError` for its watermark."""
    message = _decode_pass(data)
    message.parsed_watermark()
    return message
