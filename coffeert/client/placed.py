"""What a client knows about an order that it has placed."""

from __future__ import annotations

import msgspec

from coffeert.domain.orders import Order
from coffeert.wire.orders import decode_body


class PlacedOrder(msgspec.Struct, frozen=True):
    """An order that is committed.

    `replayed` where the server had it already, be it from an earlier attempt of this call. `submitted`
    and `committed` are when it was first sent and when the answer came, in seconds of
    `time.monotonic()`.
    """

    order: Order
    replayed: bool
    attempts: int
    submitted: float
    committed: float


class Receipt(msgspec.Struct, frozen=True):
    """A server's answer of success, its body unread; the other fields are those of `PlacedOrder`."""

    body: bytes
    replayed: bool
    attempts: int
    submitted: float
    committed: float

    def placed(self) -> PlacedOrder:
        """Read the body, which holds a stored order."""
        order = decode_body(self.body)
        return PlacedOrder(order, self.replayed, self.attempts, self.submitted, self.committed)
