"""Orders as JSON: what clients get back, and problem documents (RFC 9457)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.money import money_text, units_from_text
from coffeert.domain.order_keys import order_id_from_key
from coffeert.domain.orders import Draft, Order
from coffeert.errors import ApiError, FieldError


class OrderBody(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A stored order as clients see it. `price` and `total` are decimal text with the currency's places.

    `total` is what the line costs, if that is not quantity times price. In the answer to a client
    `order_id`, or `voids` of a correction, is the text that the client sent; if `order_id` is then not the
    id itself, that is `uuid`.
    """

    order_id: str
    store: str
    drink: str
    quantity: int
    price: str
    placed_at: datetime
    received_at: datetime
    voids: str | None = None
    total: str | None = None
    source: str | None = None
    receipt: str | None = None
    uuid: UUID | None = None

    @classmethod
    def of(cls, order: Order, places: int = DEFAULT_PLACES, key: str | None = None) -> OrderBody:
        """Return the body of an order; `key` is what a client calls it, or the order that it voids."""
        order_id: str = _text_of(order.order_id)
        voids = None if order.voids is None else key or _text_of(order.voids)
        uuid = None
        if key is not None and voids is None:
            order_id, uuid = key, order.order_id
        return cls(
            order_id,
            order.store,
            order.drink,
            order.quantity,
            money_text(order.price_cents, places),
            order.placed_at,
            order.received_at,
            voids,
            None if order.amount is None else money_text(order.amount, places),
            order.source,
            order.receipt,
            uuid,
        )

    def order(self) -> Order:
        """Return the order of this body."""
        return Order(
            self.uuid or order_id_from_key(self.order_id),
            self.store,
            self.drink,
            self.quantity,
            units_from_text(self.price),
            self.placed_at,
            self.received_at,
            None if self.voids is None else order_id_from_key(self.voids),
            None if self.total is None else units_from_text(self.total),
            self.source,
            self.receipt,
        )


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document, `application/problem+json`."""

    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()
    type: str = "about:blank"
    retry_after: float | None = None

    @classmethod
    def of(cls, error: ApiError) -> Problem:
        """Return the document of an error."""
        return cls(
            error.title, error.status, error.detail, error.errors, retry_after=error.retry_after
        )


class LineProblem(msgspec.Struct, frozen=True):
    """Why one line of a batch was refused; lines count from 1."""

    line: int
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()


class BatchResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of the lines of a batch. `errors` holds the first of the rejected ones.

    `problem` is set if the batch broke off: lines after those counted were not read.
    """

    accepted: int
    replayed: int
    rejected: int
    errors: tuple[LineProblem, ...] = ()
    problem: Problem | None = None


class MenuStore(msgspec.Struct, frozen=True):
    """A store of the menu as clients see it."""

    code: str
    name: str


class MenuDrink(msgspec.Struct, frozen=True):
    """A drink of the menu as clients see it; `price` is decimal text."""

    code: str
    name: str
    price: str


class MenuBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The active part of the menu, and the currency of its prices (ISO 4217) if one is set."""

    stores: tuple[MenuStore, ...]
    drinks: tuple[MenuDrink, ...]
    currency: str | None = None


_text_of = msgspec.to_builtins

encode = msgspec.json.Encoder().encode


def draft_body(draft: Draft, places: int = DEFAULT_PLACES) -> dict[str, Any]:
    """Return the JSON object of a request for a draft; `places` are those of the currency."""
    fields: dict[str, Any] = {
        "store": draft.store,
        "drink": draft.drink,
        "quantity": draft.quantity,
    }
    if draft.price_cents is not None:
        fields["price"] = money_text(draft.price_cents, places)
    if draft.total_cents is not None:
        fields["total"] = money_text(draft.total_cents, places)
    optional = {
        "placed_at": draft.placed_at,
        "source": draft.source,
        "receipt": draft.receipt,
        "order_id": draft.order_id if draft.key is None else draft.key,
    }
    return fields | {name: value for name, value in optional.items() if value is not None}


def decode_body(body: bytes) -> Order:
    """Read a stored order back from its JSON."""
    return msgspec.json.decode(body, type=OrderBody).order()
