"""Which orders are asked for, and the place in their list from which to go on."""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self
from uuid import UUID

import msgspec

from coffeert.domain.orders import Order

_PLACE: Final = struct.Struct(">q16s")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OrderQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What orders must have; all conditions hold together, and an empty tuple or `None` asks nothing.

    `stores` and `drinks` are codes. `first` is included; `last` is not, but a date is included as a whole.
    Dates are business days of each order's store. Prices are of one piece, in minor units, both included.
    """

    stores: tuple[str, ...] = ()
    drinks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    receipt: str | None = None
    import_number: int | None = None
    first: datetime | date | None = None
    last: datetime | date | None = None
    min_price: int | None = None
    max_price: int | None = None


class ListPlace(msgspec.Struct, frozen=True):
    """A place in the list of orders: behind an order that is listed, before those that are older."""

    placed_at: datetime
    order_id: UUID

    @classmethod
    def behind(cls, order: Order) -> Self:
        """Return the place behind an order."""
        return cls(order.placed_at, order.order_id)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `text` wrote; raises `ValueError`."""
        moment, order_id = _PLACE.unpack(_unpacked(text))
        try:
            placed_at = _EPOCH + timedelta(microseconds=moment)
        except OverflowError:
            raise ValueError("no such time") from None
        return cls(placed_at, UUID(bytes=order_id))

    def text(self) -> str:
        """Write the place as 32 characters that a URL may hold as they are."""
        moment = (self.placed_at - _EPOCH) // timedelta(microseconds=1)
        return urlsafe_b64encode(_PLACE.pack(moment, self.order_id.bytes)).decode()


def _unpacked(text: str) -> bytes:
    packed = urlsafe_b64decode(text.encode("ascii"))
    if len(packed) != _PLACE.size or urlsafe_b64encode(packed).decode() != text:
        raise ValueError("no place in a list")
    return packed
