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
    ids, stores, drinks, quantities, prices, placed, received, *optional = zip(
        *map(msgspec.structs.astuple, orders), strict=True
    )
    voids, amounts, sources, receipts = optional
    return [
        number_array(ids),
        number_array(_only_if_different(placed)),
        number_array(_only_if_different(received)),
        number_array(quantities),
        number_array(prices),
        text_array(stores),
        text_array(drinks),
        "{}" if _all_none(voids) else number_array(voids),
        "{}" if _all_none(amounts) else number_array(amounts),
        "{}" if _all_none(sources) else text_array(sources),
        "{}" if _all_none(receipts) else text_array(receipts),
    ]


def number_array(values: tuple[Any, ...]) -> str:
    """Write ids, times or numbers, or `None` among them, as the text of an array."""
    # These are the same in JSON, `null` included.
    return "{" + _encode(values)[1:-1].decode() + "}"


def text_array(values: tuple[str | None, ...]) -> str:
    """Write strings, or `None` among them, as the text of an array.

    They must not hold NUL, which PostgreSQL has no text for.
    """
    text = _encode(values)
    if b"\\" in text:  # JSON escapes more than PostgreSQL does, and in other ways
        return "{" + ",".join(map(_quoted, values)) + "}"
    return "{" + text[1:-1].decode() + "}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _all_none(values: tuple[Any, ...]) -> bool:
    return values.count(None) == len(values)


def _only_if_different(moments: tuple[datetime, ...]) -> tuple[datetime, ...]:
    # All lines of a batch that was sent as one share the moment of receipt, and
    # insert_orders takes one for all.
    first = moments[0]
    return (first,) if moments[-1] is first and moments.count(first) == len(moments) else moments
