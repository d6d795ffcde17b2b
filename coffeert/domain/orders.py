"""An order: what a client asks for, what is stored, and the rules between the two."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import uuid_utils

from coffeert.domain.menu import Menu
from coffeert.errors import FieldError, Invalid

MAX_QUANTITY = 99
MAX_PRICE_CENTS = 100_000_000
MIN_PLACED_AT = datetime(2000, 1, 1, tzinfo=UTC)
MAX_PLACED_AT_AHEAD = timedelta(minutes=5)

_MONEY = re.compile(r"(\d{1,7})(?:\.(\d{1,2}))?", re.ASCII)


def new_order_id() -> UUID:
    """Return an order id: a UUIDv7 (RFC 9562), so that successive ids sort and index well."""
    # `uuid_utils.compat.uuid7` takes twice as long to make the standard library's type of it.
    return msgspec.convert(uuid_utils.uuid7().bytes, UUID)


def cents_from_text(text: str) -> int:
    """Read money as decimal text into integer cents, exactly; raises `ValueError` for any other text."""
    match = _MONEY.fullmatch(text)
    if match is None:
        raise ValueError("must be a decimal number from 0 to 1000000 with at most 2 decimal places")
    cents = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if cents > MAX_PRICE_CENTS:
        raise ValueError("must be at most 1000000")
    return cents


def text_from_cents(cents: int) -> str:
    """Write integer cents as decimal text with two places, `-0.05` for -5."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What a client orders; `None` leaves the choice to the server.

    `price_cents` is the price of one piece; `placed_at` has an offset.
    """

    store: str
    drink: str
    quantity: int = 1
    price_cents: int | None = None
    placed_at: datetime | None = None
    order_id: UUID | None = None


class Order(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An order as stored. Append-only: a void is a further order that `voids` this one.

    `price_cents` is the price of one piece. `quantity` is never zero, and negative in a refund and in the
    void of a sale. `amount` is what the line costs if that is not quantity times price; `source` is the
    till or channel, `receipt` the number of the receipt there.
    """

    order_id: UUID
    store: str
    drink: str
    quantity: int
    price_cents: int
    placed_at: datetime
    received_at: datetime
    voids: UUID | None = None
    amount: int | None = None
    source: str | None = None
    receipt: str | None = None

    @property
    def total_cents(self) -> int:
        """What the line costs, in cents."""
        return self.quantity * self.price_cents if self.amount is None else self.amount

    @property
    def count(self) -> int:
        """What the order adds to the number of orders: 1 for a sale and 0 for a refund.

        For a void it is minus what the voided order counts for. `order_count` in SQL is the same.
        """
        if self.voids is None:
            return 1 if self.quantity > 0 else 0
        return -1 if self.quantity < 0 else 0

    @property
    def recency(self) -> tuple[datetime, UUID]:
        """The key by which orders are listed, the newest last; total, so every list agrees."""
        return self.placed_at, self.order_id

    def answers(self, draft: Draft) -> bool:
        """Return True if this order is what `draft` asked for, so that a retry of it is answered with it.

        What the draft left to the server matches whatever the server chose the first time.
        """
        return (
            self.voids is None
            and self.store == draft.store
            and self.drink == draft.drink
            and self.quantity == draft.quantity
            and draft.price_cents in (None, self.price_cents)
            and draft.placed_at in (None, self.placed_at)
        )

    def correction(self, order_id: UUID, received_at: datetime) -> Order:
        """Return the order that cancels this one, in the same bucket."""
        return Order(
            order_id=order_id,
            store=self.store,
            drink=self.drink,
            quantity=-self.quantity,
            price_cents=self.price_cents,
            placed_at=self.placed_at,
            received_at=received_at,
            voids=self.order_id,
            amount=None if self.amount is None else -self.amount,
            source=self.source,
            receipt=self.receipt,
        )


def resolve(draft: Draft, menu: Menu, now: datetime) -> Order:
    """Complete a draft by the menu and the clock into the order to store.

    Raises `Invalid` naming every field at fault.
    """
    list_price = menu.list_price(draft.drink)
    placed_at = draft.placed_at
    if (
        list_price is None
        or not menu.sells_at(draft.store)
        or not 1 <= draft.quantity <= MAX_QUANTITY
        or not (placed_at is None or MIN_PLACED_AT <= placed_at <= now + MAX_PLACED_AT_AHEAD)
    ):
        faults = _faults(draft, menu, now)
        raise Invalid("The order has invalid values.", errors=faults)
    return Order(
        order_id=draft.order_id or new_order_id(),
        store=draft.store,
        drink=draft.drink,
        quantity=draft.quantity,
        price_cents=list_price if draft.price_cents is None else draft.price_cents,
        # In UTC, as the table gives it back, so that a replay answers the same body.
        placed_at=now if placed_at is None else placed_at.astimezone(UTC),
        received_at=now,
    )


def _faults(draft: Draft, menu: Menu, now: datetime) -> tuple[FieldError, ...]:
    faults: list[FieldError] = []
    if not menu.sells_at(draft.store):
        faults.append(FieldError("store", _unknown("store", draft.store)))
    if menu.list_price(draft.drink) is None:
        faults.append(FieldError("drink", _unknown("drink", draft.drink)))
    if not 1 <= draft.quantity <= MAX_QUANTITY:
        faults.append(FieldError("quantity", f"must be from 1 to {MAX_QUANTITY}"))
    if not MIN_PLACED_AT <= (draft.placed_at or now) <= now + MAX_PLACED_AT_AHEAD:
        faults.append(
            FieldError(
                "placed_at", "must lie between 2000-01-01 and 5 minutes from the server's present"
            )
        )
    return tuple(faults)


def _unknown(kind: str, code: str) -> str:
    # A stranger's value is shown short and escaped, since errors reach terminals and logs.
    shown = ascii(code if len(code) <= 40 else code[:40] + "…")
    return f"{shown} is not an active {kind} of the menu"
