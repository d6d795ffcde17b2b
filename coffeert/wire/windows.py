"""Windows over the orders that the last pass has counted, as `GET /api/sessions` and `/api/sliding` answer.

Nothing is ever too late: an order that arrives later is in the next answer, in the windows of its time.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class SalesSession(msgspec.Struct, frozen=True, kw_only=True):
    """A run of sales of a store, none of them further than the gap from the one before.

    `running`: as of the last pass no more than the gap had passed since its last sale.
    """

    store: str
    name: str
    first_at: datetime
    last_at: datetime
    orders: int
    running: bool


class SalesSessions(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /api/sessions`, by store and time; `gap` is in seconds.

    `stale_minutes` wait for a pass to read them again after many voids: sessions may begin or end there at
    a sale that was voided.
    """

    as_of: datetime
    gap: float
    stale_minutes: int
    sessions: tuple[SalesSession, ...]


class SlidingSeries(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of a store; the first ends a step after `begins`, each other a step after the one before.

    `takings` are decimal texts in the currency.
    """

    store: str
    name: str
    begins: datetime
    orders: tuple[int, ...]
    pieces: tuple[int, ...]
    takings: tuple[str, ...]


class SlidingSums(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `GET /api/sliding`; `width` and `step` are in seconds."""

    as_of: datetime
    width: int
    step: int
    currency: str
    series: tuple[SlidingSeries, ...]


decode_sessions = msgspec.json.Decoder(SalesSessions).decode
decode_sliding = msgspec.json.Decoder(SlidingSums).decode
