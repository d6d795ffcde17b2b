"""The `Idempotency-Key` of a request: of an order its id, of a batch what its lines get their ids from.

A quoted value is a string of RFC 9651 (section 3.3.3), as draft-ietf-httpapi-idempotency-key-header wants;
most clients send the key without quotes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from coffeert.domain.order_keys import BatchKey, key_to_echo, order_id_from_key
from coffeert.domain.orders import Draft
from coffeert.errors import FieldError, Invalid, Malformed

NAME: Final = "Idempotency-Key"
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_ESCAPED: Final = re.compile(r'\\(["\\])')


def with_key(draft: Draft, values: Sequence[str]) -> Draft:
    """Complete a draft by the values of the field.

    Raises `Malformed` if there are two, or the body has another, and `Invalid` if it cannot be a key.
    """
    key = _key(values)
    if key is None:
        return draft
    try:
        order_id = order_id_from_key(key)
    except ValueError as error:
        raise _invalid(error) from None
    if draft.order_id is None:
        return msgspec.structs.replace(draft, order_id=order_id, key=key_to_echo(key, order_id))
    if draft.order_id != order_id:
        raise Malformed(
            "The Idempotency-Key and the order_id differ.",
            errors=(FieldError("order_id", "differs from the Idempotency-Key"),),
        )
    return draft


def batch_key(values: Sequence[str]) -> BatchKey | None:
    """Return the key of a batch; raises as `with_key` does."""
    key = _key(values)
    try:
        return None if key is None else BatchKey(key)
    except ValueError as error:
        raise _invalid(error) from None


def _key(values: Sequence[str]) -> str | None:
    if not values:
        return None
    if len(values) > 1:
        raise Malformed(
            "The Idempotency-Key is given more than once.",
            errors=(FieldError(NAME, "must be given once"),),
        )
    text = values[0].strip(" \t")
    quoted = _QUOTED.fullmatch(text)
    return text if quoted is None else _ESCAPED.sub(r"\1", quoted[1])


def _invalid(error: ValueError) -> Invalid:
    return Invalid("The Idempotency-Key cannot be used.", errors=(FieldError(NAME, str(error)),))
