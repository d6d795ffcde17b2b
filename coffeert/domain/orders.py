"""An order: what a client asks for, what is stored, and the rules between the two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import uuid_utils

from coffeert.domain.menu import Menu
from coffeert.domain.money import MAX_PRICE_CENTS, money_text
from coffeert.errors import FieldError, Invalid

MAX_QUANTITY = 9_999
MAX_TEXT_LENGTH = 64
"""Of a source and of a receipt."""
MIN_PLACED_AT = datetime(2000, 1, 1, tzinfo=UTC)
MAX_PLACED_AT_AHEAD = timedelta(minutes=5)


_uuid_from_msgpack = msgspec.msgpack.Decoder(UUID).decode


def new_order_id() -> UUID:
    """Return an order id: a UUIDv7 (RFC 9562), so that successive ids sort and index well."""
    # `uuid_utils.compat.uuid7` takes three times as long to make the standard library's type of it.
    return _uuid_from_msgpack(b"\xc4\x10" + uuid_utils.uuid7().bytes)  # 16 bytes


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What a client orders; `None` leaves the choice to the server.

    `store` and `drink` are codes, or names of the menu. A negative `quantity` is a refund. `price_cents` is
    the price of one piece and `total_cents` what the line costs, of either sign in a refund, both in minor
    units of the currency. `placed_at` has an offset. `key` is what the client calls the order, if that is
    not the text of `order_id`; in a client it alone is enough.
    """

    store: str
    drink: str
    quantity: int = 1
    price_cents: int | None = None
    placed_at: datetime | None = None
    order_id: UUID | None = None
    total_cents: int | None = None
    source: str | None = None
    receipt: str | None = None
    key: str | None = None

    @property
    def has_money(self) -> bool:
        """Whether it says what something costs, so that the currency's decimal places matter."""
        return self.price_cents is not None or self.total_cents is not None


class Void(msgspec.Struct, frozen=True, gc=False):
    """A request to cancel an order; `key` is what the client calls the order, as in a `Draft`."""

    order_id: UUID
    key: str | None = None


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
        """What the line costs, in minor units."""
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

        The draft has codes. What it left to the server matches whatever the server chose the first time.
        """
        price, total = draft.price_cents, draft.total_cents
        if total is None:
            priced = price is None or self.amount is None
        else:
            priced = self.total_cents == (-abs(total) if self.quantity < 0 else total)
        return (
            priced
            and self.voids is None
            and self.store == draft.store
            and self.drink == draft.drink
            and self.quantity == draft.quantity
            and price in (None, self.price_cents)
            and draft.placed_at in (None, self.placed_at)
            and self.source == draft.source
            and self.receipt == draft.receipt
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
    store, drink, quantity, placed_at = draft.store, draft.drink, draft.quantity, draft.placed_at
    list_price, sold_here = menu.list_price(drink), menu.sells_at(store)
    if list_price is None or not sold_here:
        store, drink = menu.store_code(store) or store, menu.drink_code(drink) or drink
        list_price, sold_here = menu.list_price(drink), menu.sells_at(store)
    price, amount = draft.price_cents, None
    if (
        list_price is None
        or not sold_here
        or quantity == 0
        or abs(quantity) > MAX_QUANTITY
        or not (placed_at is None or MIN_PLACED_AT <= placed_at <= now + MAX_PLACED_AT_AHEAD)
        or (draft.total_cents is not None and total_faults(draft, menu.places))
    ):
        faults = _faults(draft, menu, now)
        raise Invalid("The order has invalid values.", errors=faults)
    if draft.total_cents is not None:
        price, amount = _split_total(draft, draft.total_cents)
    elif price is None:
        price = list_price
    return Order(
        order_id=draft.order_id or new_order_id(),
        store=store,
        drink=drink,
        quantity=quantity,
        price_cents=price,
        # In UTC, as the table gives it back, so that a replay answers the same body.
        placed_at=now if placed_at is None else placed_at.astimezone(UTC),
        received_at=now,
        amount=amount,
        source=draft.source,
        receipt=draft.receipt,
    )


def _split_total(draft: Draft, total: int) -> tuple[int, int | None]:
    """Return the price of a piece, and the amount to store unless it is quantity times price."""
    if draft.quantity < 0:
        total = -abs(total)
    price = draft.price_cents
    if price is None:
        # Rounded half up. It tells what a piece was sold at; what counts is the amount.
        count = abs(draft.quantity)
        price = min((2 * abs(total) + count) // (2 * count), MAX_PRICE_CENTS)
    return price, None if total == draft.quantity * price else total


def _faults(draft: Draft, menu: Menu, now: datetime) -> tuple[FieldError, ...]:
    faults: list[FieldError] = []
    if menu.store_code(draft.store) is None:
        faults.append(FieldError("store", menu.why_no_store(draft.store)))
    if menu.drink_code(draft.drink) is None:
        faults.append(FieldError("drink", menu.why_no_drink(draft.drink)))
    if draft.quantity == 0 or abs(draft.quantity) > MAX_QUANTITY:
        faults.append(
            FieldError(
                "quantity", f"must be 1 to {MAX_QUANTITY}, or -1 to -{MAX_QUANTITY} of a refund"
            )
        )
    elif draft.total_cents is not None:
        faults += total_faults(draft, menu.places)
    if not MIN_PLACED_AT <= (draft.placed_at or now) <= now + MAX_PLACED_AT_AHEAD:
        faults.append(
            FieldError(
                "placed_at", "must lie between 2000-01-01 and 5 minutes from the server's present"
            )
        )
    return tuple(faults)


def total_faults(draft: Draft, places: int) -> list[FieldError]:
    """Return what is wrong with what a line costs, for a currency with so many decimal places."""
    total, price, count = draft.total_cents, draft.price_cents, abs(draft.quantity)
    assert total is not None
    if total < 0 < draft.quantity:
        return [FieldError("total", "must not be negative; the quantity of a refund is")]
    if price is not None and 2 * abs(abs(total) - count * price) > count:
        return [
            FieldError(
                "price",
                f"does not fit the total: {count} x {money_text(price, places)} "
                f"is {money_text(count * price, places)}",
            )
        ]
    return []
