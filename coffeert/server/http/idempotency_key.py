"""The Idempotency-Key: a header that names an order, for clients that keep keys out of their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from coffeert.domain.orders import Draft
from coffeert.errors import FieldError, Invalid, Malformed


def with_key(draft: Draft, keys: Sequence[str]) -> Draft:
    """Complete a draft by what the header says, `keys` being its values.

    Raises `Malformed` where it says two things, or another than the body, and `Invalid` where it is no
    UUID.
    """
    if not keys:
        return draft
    if len(keys) > 1:
        raise Malformed(
            "The Idempotency-Key is given more than once.",
            errors=(FieldError("Idempotency-Key", "must be given once"),),
        )
    (key,) = keys
    try:
        order_id = UUID(key.strip().strip('"'))
    except ValueError:
        raise Invalid(
            "The Idempotency-Key is not a UUID.",
            errors=(FieldError("Idempotency-Key", "must be a UUID"),),
        ) from None
    if draft.order_id not in (None, order_id):
        raise Malformed(
            "The Idempotency-Key and the order_id differ.",
            errors=(FieldError("order_id", "differs from the Idempotency-Key"),),
        )
    return msgspec.structs.replace(draft, order_id=order_id)
