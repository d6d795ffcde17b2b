"""Orders as JSON: what clients send, what they get back, and problem documents (RFC 9457)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from coffeert.domain.orders import Draft, Order, cents_from_text, text_from_cents
from coffeert.errors import ApiError, FieldError, Invalid
from coffeert.wire.validation import (
    INVALID_ORDER,
    NOT_DECODED,
    describe_invalid_fields,
    refuse_repeated_fields,
)


class OrderRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The JSON object of a client's order.

    `price` is kept as its text, number or string, so that money never passes through a binary float.
    """

    store: str
    drink: str
    quantity: int | UnsetType = UNSET
    price: msgspec.Raw | UnsetType = UNSET
    placed_at: Annotated[datetime, msgspec.Meta(tz=True)] | UnsetType | None = UNSET
    order_id: UUID | UnsetType | None = UNSET

    def count_fields(self) -> int:
        """Return how many fields the object had, the default values that it spelt out included."""
        return (
            2
            + (self.quantity is not UNSET)
            + (self.price is not UNSET)
            + (self.placed_at is not UNSET)
            + (self.order_id is not UNSET)
        )


class OrderBody(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A stored order as clients see it. `price` and `total` are decimal text with two places.

    `total` is what the line costs, if that is not quantity times price.
    """

    order_id: UUID
    store: str
    drink: str
    quantity: int
    price: str
    placed_at: datetime
    received_at: datetime
    voids: UUID | None = None
    total: str | None = None
    source: str | None = None
    receipt: str | None = None

    @classmethod
    def of(cls, order: Order) -> OrderBody:
        """Return the body of an order."""
        return cls(
            order.order_id,
            order.store,
            order.drink,
            order.quantity,
            text_from_cents(order.price_cents),
            order.placed_at,
            order.received_at,
            order.voids,
            None if order.amount is None else text_from_cents(order.amount),
            order.source,
            order.receipt,
        )

    def order(self) -> Order:
        """Return the order of this body."""
        return Order(
            self.order_id,
            self.store,
            self.drink,
            self.quantity,
            cents_from_text(self.price),
            self.placed_at,
            self.received_at,
            self.voids,
            None if self.total is None else _stored_cents(self.total),
            self.source,
            self.receipt,
        )


def _stored_cents(text: str) -> int:
    # A line may cost more than the highest price, which is that of one piece.
    match = _STORED_MONEY.fullmatch(text)
    if match is None:
        raise ValueError("is no money as a server writes it")
    return int(match[1] + match[2] + match[3])


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


_request = msgspec.json.Decoder(OrderRequest)
_STORED_MONEY = re.compile(r"(-?)(\d{1,16})\.(\d\d)", re.ASCII)
_PRICE_TEXT = re.compile(rb'"([^"\\]*)"|([0-9.eE+-]+)')

encode = msgspec.json.Encoder().encode


def decode_order(body: bytes) -> Draft:
    """Read an order request.

    Raises `Malformed` if the bytes are not a JSON object or name a field twice, and `Invalid` naming the
    fields of the wrong type.
    """
    try:
        request = _request.decode(body)
    except NOT_DECODED:
        raise describe_invalid_fields(body, OrderRequest, FIELD_CHECKS, noun="body") from None
    refuse_repeated_fields(body, request.count_fields())
    return draft_from_request(request)


def draft_from_request(request: OrderRequest) -> Draft:
    """Return the draft of a request, with the price in cents; raises `Invalid` for a wrong price."""
    return Draft(
        store=request.store,
        drink=request.drink,
        quantity=1 if request.quantity is UNSET else request.quantity,
        price_cents=None if request.price is UNSET else _price_cents(request.price),
        placed_at=None if request.placed_at is UNSET else request.placed_at,
        order_id=None if request.order_id is UNSET else request.order_id,
    )


def draft_body(draft: Draft) -> dict[str, Any]:
    """Return the JSON object of a request for a draft."""
    fields: dict[str, Any] = {
        "store": draft.store,
        "drink": draft.drink,
        "quantity": draft.quantity,
    }
    if draft.price_cents is not None:
        fields["price"] = text_from_cents(draft.price_cents)
    if draft.placed_at is not None:
        fields["placed_at"] = draft.placed_at
    if draft.order_id is not None:
        fields["order_id"] = draft.order_id
    return fields


def _price_cents(price: msgspec.Raw) -> int | None:
    text = bytes(price).strip()
    if text == b"null":
        return None
    match = _PRICE_TEXT.fullmatch(text)
    try:
        if match is None:
            raise ValueError("must be a JSON number or a string")
        amount: bytes = match[1] if match[1] is not None else match[2]
        return cents_from_text(amount.decode(errors="replace"))
    except ValueError as error:
        raise Invalid(INVALID_ORDER, errors=(FieldError("price", str(error)),)) from None


def decode_body(body: bytes) -> Order:
    """Read a stored order back from its JSON."""
    return msgspec.json.decode(body, type=OrderBody).order()


FIELD_CHECKS = {"price": _price_cents}
"""Stricter readers of single fields than their types."""
