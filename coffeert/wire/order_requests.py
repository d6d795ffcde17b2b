"""Orders and voids as clients write them in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.money import Number, pieces, price_units, total_units
from coffeert.domain.order_keys import key_to_echo, order_id_from_key
from coffeert.domain.orders import MAX_TEXT_LENGTH, Draft, Void
from coffeert.errors import FieldError, Invalid
from coffeert.wire.validation import (
    INVALID_ORDER,
    NOT_DECODED,
    describe_invalid_fields,
    names_each_once,
    refuse_repeated_fields,
)

INVALID_VOID: Final = "The void has invalid values."


class OrderRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The JSON object of a client's order.

    A number may also be given as text. `order_id` is a key of any form: see `order_keys`.
    """

    store: str
    drink: str
    quantity: Number | UnsetType = UNSET
    price: Number | UnsetType | None = UNSET
    placed_at: Annotated[datetime, msgspec.Meta(tz=True)] | UnsetType | None = UNSET
    order_id: str | UnsetType | None = UNSET
    total: Number | UnsetType | None = UNSET
    source: str | UnsetType | None = UNSET
    receipt: str | UnsetType | None = UNSET

    def count_fields(self) -> int:
        """Return how many fields the object had, the default values that it spelt out included."""
        values = msgspec.structs.astuple(self)
        return len(values) - values.count(UNSET)


class _PlainOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An order as nearly all clients write it; see `_plain_draft`."""

    store: str
    drink: str
    quantity: int | None = None
    price: Number | None = None
    placed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    total: Number | None = None
    source: str | None = None
    receipt: str | None = None
    order_id: UUID | None = None


class VoidRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The line of a batch that cancels an order: its id or key."""

    void: str


_request = msgspec.json.Decoder(OrderRequest)
_void = msgspec.json.Decoder(VoidRequest)
_plain = msgspec.json.Decoder(_PlainOrder).decode
_values = msgspec.structs.astuple
_encode = msgspec.json.Encoder().encode
_decode_number = msgspec.json.Decoder(Number | None).decode
_decode_text = msgspec.json.Decoder(str | None).decode
_NUMERIC: Final = frozenset({"quantity", "price", "total"})
_IS_VOID: Final = re.compile(rb'\s*\{\s*"void"\s*:')


def decode_order(body: bytes, places: int = DEFAULT_PLACES) -> Draft:
    """Read an order request; `places` are the decimal places of the currency.

    Raises `Malformed` if the bytes are not a JSON object or name a field twice, and `Invalid` naming the
    fields of the wrong type.
    """
    if (draft := _plain_draft(body, places)) is not None:
        return draft
    try:
        request = _request.decode(body)
    except NOT_DECODED:
        raise describe_invalid_fields(
            body, OrderRequest, field_checks(places), noun="body"
        ) from None
    refuse_repeated_fields(body, request.count_fields())
    return draft_from_request(request, places)


def decode_line(line: bytes, places: int) -> Draft | Void:
    """Read a line of a batch: an order as `decode_order` does, or a void."""
    if (draft := _plain_draft(line, places)) is not None:
        return draft
    try:
        request = _request.decode(line)
    except NOT_DECODED:
        if (void := _decode_void(line)) is not None:
            return void
        raise describe_invalid_fields(
            line, OrderRequest, field_checks(places), noun="line"
        ) from None
    refuse_repeated_fields(line, request.count_fields())
    return draft_from_request(request, places)


def _plain_draft(body: bytes, places: int) -> Draft | None:
    """Read an order that needs no closer look: a third faster than to read it as an `OrderRequest`.

    `None`: `OrderRequest` decides, because something is null, named twice, or not in its usual form, such
    as a key that is not the usual text of a UUID, and must be echoed as it is.
    """
    try:
        order = _plain(body)
    except NOT_DECODED:
        return None
    values = _values(order)
    store, drink, quantity, price, placed_at, total, source, receipt, order_id = values
    # Without the id: comparing a UUID, even with None, is Python code, and takes longer than all others.
    given = len(values) - values[:-1].count(None) - (order_id is None)
    if not names_each_once(body, given):
        return None
    if order_id is not None and _encode(order_id) not in body:
        return None
    try:
        return Draft(
            store,
            drink,
            1 if quantity is None else quantity,
            None if price is None else price_units(price, places),
            placed_at,
            order_id,
            None if total is None else total_units(total, places),
            None if source is None else _checked_text(source),
            None if receipt is None else _checked_text(receipt),
        )
    except ValueError:
        return None


def draft_from_request(request: OrderRequest, places: int) -> Draft:
    """Return the draft of a request; raises `Invalid` naming the fields that cannot be read."""
    quantity, price, total, key = request.quantity, request.price, request.total, request.order_id
    source, receipt, placed_at = request.source, request.receipt, request.placed_at
    try:
        order_id, echo = None, None
        if not (key is UNSET or key is None):
            order_id = order_id_from_key(key)
            echo = key_to_echo(key, order_id)
        return Draft(
            request.store,
            request.drink,
            1 if quantity is UNSET else quantity if isinstance(quantity, int) else pieces(quantity),
            None if price is UNSET or price is None else price_units(price, places),
            None if placed_at is UNSET else placed_at,
            order_id,
            None if total is UNSET or total is None else total_units(total, places),
            None if source is UNSET or source is None else _checked_text(source),
            None if receipt is UNSET or receipt is None else _checked_text(receipt),
            echo,
        )
    except ValueError:
        checks = _value_checks(places)
        values = {name: getattr(request, name) for name in checks}
        given = {name: value for name, value in values.items() if value not in (UNSET, None)}
        faults = [fault for name in given for fault in _faults(name, checks[name], given[name])]
        raise Invalid(INVALID_ORDER, errors=tuple(faults)) from None


def void_from_request(key: str) -> Void:
    """Return a request to void the order that a client calls `key`; raises `Invalid`."""
    try:
        order_id = order_id_from_key(key)
    except ValueError as error:
        raise Invalid(INVALID_VOID, errors=(FieldError("void", str(error)),)) from None
    return Void(order_id, key_to_echo(key, order_id))


def field_checks(places: int) -> dict[str, Callable[[msgspec.Raw], object]]:
    """Return readers of single fields that are stricter than their types and raise `Invalid`."""
    checks = _value_checks(places)
    return {name: partial(_check_raw, name, check) for name, check in checks.items()}


def _check_raw(name: str, check: Callable[[Any], object], raw: msgspec.Raw) -> None:
    text = bytes(raw).strip()
    if text == b"null" and name != "quantity":
        return
    numeric = name in _NUMERIC
    try:
        value = (_decode_number if numeric else _decode_text)(text)
    except NOT_DECODED:
        if text[:1] in b"-0123456789" and numeric:
            value = text.decode(errors="replace")  # a number that no float can hold
        else:
            message = "must be a number, or its text" if numeric else "must be a string"
            raise Invalid(INVALID_ORDER, errors=(FieldError(name, message),)) from None
    if value is None:
        raise Invalid(INVALID_ORDER, errors=(FieldError(name, "must be a whole number"),))
    if faults := _faults(name, check, value):
        raise Invalid(INVALID_ORDER, errors=faults)


def _faults(name: str, check: Callable[[Any], object], value: object) -> tuple[FieldError, ...]:
    try:
        check(value)
    except ValueError as error:
        return (FieldError(name, str(error)),)
    return ()


def _value_checks(places: int) -> dict[str, Callable[[Any], object]]:
    return {
        "quantity": pieces,
        "price": partial(price_units, places=places),
        "order_id": order_id_from_key,
        "total": partial(total_units, places=places),
        "source": _checked_text,
        "receipt": _checked_text,
    }


def _checked_text(text: str) -> str:
    if not (0 < len(text) <= MAX_TEXT_LENGTH and text.isprintable()):
        raise ValueError(f"must be 1 to {MAX_TEXT_LENGTH} printable characters")
    return text


def _decode_void(line: bytes) -> Void | None:
    """Read a void; `None` if the line is not one. Raises `ApiError` for a bad one."""
    try:
        request = _void.decode(line)
    except NOT_DECODED:
        if not _IS_VOID.match(line):
            return None
        raise describe_invalid_fields(line, VoidRequest, {}, noun="line") from None
    refuse_repeated_fields(line, 1)
    return void_from_request(request.void)
