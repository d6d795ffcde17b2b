"""Orders as the text of PostgreSQL arrays, one array a column.

The driver's own encoder asks of each value whether it is an array itself, which takes seven times as long
(docs/performance.md). The format: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from coffeert.domain.orders import Order

_encode = msgspec.json.Encoder().encode


def order_arrays(orders: Sequence[Order]) -> list[str]:
    """Write orders as the arrays that insert_orders takes; at least one order."""
    ids, placed, received, quantities, prices, stores, drinks, voids = zip(
        *(
            (
                order.order_id,
                order.placed_at,
                order.received_at,
                order.quantity,
                order.price_cents,
                order.store,
                order.drink,
                order.voids,
            )
            for order in orders
        ),
        strict=True,
    )
    return [
        array_text(ids),
        array_text(_only_if_different(placed)),
        array_text(_only_if_different(received)),
        array_text(quantities),
        array_text(prices),
        array_text(stores),
        array_text(drinks),
        array_text(voids) if any(voids) else "{}",
    ]


def array_text(values: tuple[Any, ...]) -> str:
    """Write ids, times, numbers (or `None` among them), or strings as the text of an array.

    Strings must not hold NUL, which PostgreSQL has no text for.
    """
    if isinstance(values[0], str):
        quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
        return '{"' + '","'.join(quoted) + '"}'
    # These are the same in JSON, `null` included.
    return "{" + _encode(values)[1:-1].decode() + "}"


def _only_if_different(moments: tuple[datetime, ...]) -> tuple[datetime, ...]:
    # All lines of a batch that was sent as one share the moment of receipt, and
    # insert_orders takes one for all.
    first = moments[0]
    return (first,) if moments[-1] is first and moments.count(first) == len(moments) else moments
