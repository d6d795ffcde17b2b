"""The messages between processes through Redis: passes and committed batches.

`lineage` names the history of one database; a reader ignores messages of another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec

from coffeert.domain.coverage import Coverage
from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import GRAINS, CellKey, Cells, Totals
from coffeert.domain.view import PassChange
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
        cls,
        sender: str,
        lineage: str,
        batches: PendingBatches,
        recent: Iterable[Order],
        places: int = DEFAULT_PLACES,
    ) -> BatchesCommitted:
        """Make the message of batches, with those of their orders that are among the most recent.

        `places` are the decimal places of the currency.
        """
        return cls(
            sender,
            lineage,
            batches.xids,
            [
                CommittedCell(k.bucket, k.store, k.drink, *totals)
                for k, totals in batches.minutes.items()
            ],
            msgspec.Raw(batches.shares),
            [OrderBody.of(order, places) for order in recent],
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
    """How a pass went: which leader made it, how many new orders it counted, how long it took.

    `uncountable` is how many orders no pass can count, since they break a rule of the table;
    `stale_minutes` how many minutes wait for another pass to read them again after voids.
    """

    leader: str
    rows: int
    pass_ms: float
    interval_s: float
    uncountable: int = 0
    stale_minutes: int = 0


class PassMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One pass of the aggregator. Cells are absolute, so applying one twice is harmless.

    It applies on top of the rollups as of `previous`, within one `lineage` and one term of a leader, which
    `nonce` names; `covers` is the time for which `cells` are all that changed. Any other reader, and every
    reader if `cells` is `None` (too many to send), loads the rollups from PostgreSQL.
    """

    lineage: str
    nonce: str
    number: int
    token: int
    previous: str
    watermark: str
    data_time: datetime
    covers: Coverage
    stats: PassStats
    cells: list[PassCell] | None
    recent: list[OrderBody]
    currency: str | None = None

    def parsed_watermark(self) -> Watermark:
        """Return the watermark; raises `ValueError` if its text is not a `pg_snapshot`."""
        return Watermark.parse(self.watermark)

    def change(self) -> PassChange | None:
        """Return what the pass changed, or `None` if that was too much to send."""
        if self.cells is None:
            return None
        return PassChange(
            lineage=self.lineage,
            nonce=self.nonce,
            number=self.number,
            previous=Watermark.parse(self.previous),
            watermark=self.parsed_watermark(),
            data_time=self.data_time,
            coverage=self.covers if self.stats.rows else None,
            cells={
                CellKey(GRAINS[cell.grain], cell.bucket, cell.store, cell.drink): Totals(
                    cell.orders, cell.quantity, cell.cents
                )
                for cell in self.cells
            },
            recent=tuple(body.order() for body in self.recent),
        )


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
    """Read a message of a pass; raises `msgspec.DecodeError`, or `ValueError` for its watermarks."""
    message = _decode_pass(data)
    message.parsed_watermark()
    Watermark.parse(message.previous)
    return message
