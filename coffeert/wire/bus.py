"""What processes tell each other through Redis: passes and hot batches.

`lineage` names the history of one database: a message of another lineage is not for us.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from coffeert.cells import CellKey, Cells, Tally
from coffeert.watermark import Watermark
from coffeert.wire.orders import OrderBody


class HotCell(msgspec.Struct, frozen=True, array_like=True):
    """A minute cell's increment by one committed batch."""

    bucket: int
    store: str
    drink: str
    orders: int
    quantity: int
    cents: int


class HotBatch(msgspec.Struct, frozen=True, array_like=True):
    """One committed batch: what its transaction added. Counts wherever `xid` is not in the watermark.

    `sender` names the process, so that it can pass over its own.
    """

    sender: str
    lineage: str
    xid: int
    cells: list[HotCell]
    recent: list[OrderBody]

    def minutes(self) -> Cells:
        """Return the increments as minute cells."""
        return {
            CellKey("minute", cell.bucket, cell.store, cell.drink): Tally(
                cell.orders, cell.quantity, cell.cents
            )
            for cell in self.cells
        }


class PassCell(msgspec.Struct, frozen=True, array_like=True):
    """A cell's absolute value after a pass; `grain` is an index into `GRAINS`."""

    grain: int
    bucket: int
    store: str
    drink: str
    orders: int
    quantity: int
    cents: int


class PassStats(msgspec.Struct, frozen=True, kw_only=True):
    """How a pass went. `rows` is how many orders were new to it."""

    leader: str
    rows: int
    pass_ms: float
    interval_s: float


class PassMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One pass of the aggregator. Cells are absolute, so applying one twice is harmless.

    Applies on top of pass `number - 1`, or of any where `number` is the reader's own; otherwise, and
    where `cells` is `None` (too many to send), the reader loads the snapshot.
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
        """Return the watermark in a form that can be asked."""
        return Watermark.parse(self.watermark)


def is_from(sender: str, data: bytes) -> bool:
    """Tell, without reading it all, whether an encoded hot batch is this sender's."""
    return data.startswith(b'["%b",' % sender.encode())


encode = msgspec.json.Encoder().encode
decode_hot_batch = msgspec.json.Decoder(HotBatch).decode
decode_pass = msgspec.json.Decoder(PassMessage).decode
