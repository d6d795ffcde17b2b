"""What a client knows about an order that it has placed."""

from __future__ import annotations

import msgspec

from coffeert.order import Order


class Placed(msgspec.Struct, frozen=True):
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
