"""Closings of business days, as `GET /api/closings` answers. Money is decimal text in the currency."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

DEFAULT_LIMIT = 31
MAX_LIMIT = 100


class ClosingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of a closed day, or by how much they differ.

    `orders` are lines of receipts. `takings` is `sold` minus `refunded`; `voids` corrections have taken
    `voided` out of both. `receipts` is `None` if no order has the number of one, and for a single drink.
    """

    orders: int
    pieces: int
    takings: str
    sold: str
    refunded: str
    voids: int
    voided: str
    receipts: int | None
    orders_with_receipt: int
    takings_with_receipt: str


class ClosingChange(msgspec.Struct, frozen=True, kw_only=True):
    """What came after a day was closed: so many `late_orders`, voids and refunds included.

    `now` are the figures with them, `difference` is what they add, negative if they take away.
    """

    late_orders: int
    difference: ClosingFigures
    now: ClosingFigures


class ClosingSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A closing: the figures of a business day as they were at `closed_at`.

    `corrects` is the number of the closing of the same day that this one corrects, `corrected_by` the
    reverse. `changed` is `None` as long as the hours that were closed still add up to `figures`. `recut`: a
    calendar was changed since, and the day has other orders now.
    """

    number: int
    day: date
    title: str
    closed_at: datetime
    currency: str
    corrects: int | None
    corrected_by: int | None
    figures: ClosingFigures
    changed: ClosingChange | None
    recut: bool = False


class ClosingList(msgspec.Struct, frozen=True):
    """A page of closings, the last one first; `next` is the `before` of the next page."""

    closings: tuple[ClosingSummary, ...]
    next: int | None = None


class StoreClosing(msgspec.Struct, frozen=True, kw_only=True):
    """A store's part of a closing; its business day was [`begins`, `ends`).

    `difference` is `None` if nothing came late.
    """

    store: str
    name: str
    begins: datetime
    ends: datetime
    first_sale: datetime | None
    last_sale: datetime | None
    figures: ClosingFigures
    difference: ClosingFigures | None


class ClosingLine(msgspec.Struct, frozen=True, kw_only=True):
    """A drink at a store in a closing; `difference` as in `StoreClosing`."""

    store: str
    store_name: str
    drink: str
    drink_name: str
    figures: ClosingFigures
    difference: ClosingFigures | None


class LateOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that changed a closed day, with what it adds to pieces and takings.

    Times have the offset of the store's zone. `import_number` is that of the import that stored it.
    `voids` is the order that a void cancels.
    """

    kind: Literal["sale", "refund", "void"]
    order_id: str
    store: str
    store_name: str
    drink: str
    drink_name: str
    pieces: int
    amount: str
    placed_at: datetime
    received_at: datetime
    source: str | None
    receipt: str | None
    voids: str | None
    import_number: int | None


class Closing(ClosingSummary, frozen=True, kw_only=True):
    """A closing in full: by store, by drink of each store, and the first of the late orders."""

    timezone: str
    stores: tuple[StoreClosing, ...]
    lines: tuple[ClosingLine, ...]
    late: tuple[LateOrder, ...]


decode_closing = msgspec.json.Decoder(Closing).decode
decode_closing_list = msgspec.json.Decoder(ClosingList).decode
