"""The snapshot in Redis: one hash, written by one script and read by one command.

Fields: `meta`, `recent`, and one for each bucket that has cells, named by its UTC start:
`minute:2026-01-31T09:15`, `hour:2026-01-31T09`, `day:2026-01-31`. All values are JSON. A pass
rewrites only the buckets that it changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from coffeert.domain.coverage import Coverage
from coffeert.domain.rollups import GRAINS, Cells, Grain, StoreDrink, Totals
from coffeert.domain.view import RollupSnapshot
from coffeert.domain.watermark import Watermark
from coffeert.wire.bus import PassMessage, PassStats
from coffeert.wire.columns import from_grid, grid_offsets, to_columns
from coffeert.wire.orders import OrderBody
from coffeert.wire.validation import NOT_DECODED

META: Final = "meta"
RECENT: Final = "recent"

_FORMATS: Final[dict[Grain, str]] = {
    "minute": "minute:%Y-%m-%dT%H:%M",
    "hour": "hour:%Y-%m-%dT%H",
    "day": "day:%Y-%m-%d",
}
_CELLS_PER_TURN = 5000


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """The pass that the snapshot is of, with the fields of its message. The script reads it too.

    `data_time` is RFC 3339 text of one width, in UTC, which the script compares as text.
    """

    lineage: str
    nonce: str
    number: int
    token: int
    previous: str
    watermark: str
    data_time: str
    covers: Coverage
    stats: PassStats

    @classmethod
    def of(cls, message: PassMessage) -> Meta:
        """Return what a message says of its pass."""
        return cls(
            lineage=message.lineage,
            nonce=message.nonce,
            number=message.number,
            token=message.token,
            previous=message.previous,
            watermark=message.watermark,
            data_time=message.data_time.astimezone(UTC).isoformat(timespec="microseconds"),
            covers=message.covers,
            stats=message.stats,
        )


class StoredBucket(msgspec.Struct, frozen=True, array_like=True):
    """One bucket's cells as parallel columns.

    A key is `store index * number of drinks + drink index`, into the bucket's own lists of codes.
    """

    stores: list[str]
    drinks: list[str]
    keys: list[int]
    orders: list[int]
    quantity: list[int]
    cents: list[int]


_encode = msgspec.json.Encoder().encode
_decode_bucket = msgspec.json.Decoder(StoredBucket).decode
_decode_meta = msgspec.json.Decoder(Meta).decode
_decode_recent = msgspec.json.Decoder(tuple[OrderBody, ...]).decode


def field_name(grain: Grain, bucket: int) -> str:
    """Return the name of a bucket's field."""
    return datetime.fromtimestamp(bucket, UTC).strftime(_FORMATS[grain])


def encode_bucket(cells: Mapping[StoreDrink, Totals]) -> bytes:
    """Write one bucket's cells."""
    rows, columns = grid_offsets((pair.store for pair in cells), (pair.drink for pair in cells))
    keyed = ((rows[store] + columns[drink], totals) for (store, drink), totals in cells.items())
    return _encode(StoredBucket(list(rows), list(columns), *to_columns(keyed)))


def decode_meta(data: bytes) -> Meta | None:
    """Read which pass the snapshot is of; `None` if it is not one that this version has written."""
    try:
        return _decode_meta(data)
    except NOT_DECODED:
        return None


async def decode_snapshot(fields: Mapping[bytes, bytes]) -> tuple[RollupSnapshot, PassStats]:
    """Read the hash; raises `ValueError` if it is not one that this version has written.

    Lets other tasks run meanwhile: a large menu makes some 150,000 cells.
    """
    try:
        meta = _decode_meta(fields[META.encode()])
        recent = _decode_recent(fields[RECENT.encode()])
        snapshot = RollupSnapshot(
            lineage=meta.lineage,
            nonce=meta.nonce,
            number=meta.number,
            token=meta.token,
            watermark=Watermark.parse(meta.watermark),
            data_time=datetime.fromisoformat(meta.data_time),
            coverage=meta.covers,
            cells=await _decode_cells(fields),
            recent=tuple(body.order() for body in recent),
        )
    except (*NOT_DECODED, LookupError, ArithmeticError) as error:
        raise ValueError(f"the snapshot in Redis cannot be read: {error}") from error
    return snapshot, meta.stats


async def _decode_cells(fields: Mapping[bytes, bytes]) -> Cells:
    cells: Cells = {}
    pause_at = _CELLS_PER_TURN
    for name, value in fields.items():
        prefix, _, begin = name.decode().partition(":")
        for grain in GRAINS:
            if prefix == grain:
                moment = datetime.fromisoformat(begin).replace(tzinfo=UTC)
                stored = _decode_bucket(value)
                columns = stored.keys, stored.orders, stored.quantity, stored.cents
                start = int(moment.timestamp())
                cells.update(from_grid(grain, start, columns, stored.stores, stored.drinks))
        if len(cells) >= pause_at:
            pause_at = len(cells) + _CELLS_PER_TURN
            await asyncio.sleep(0)
    return cells
