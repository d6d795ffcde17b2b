"""The columns of a table of events, the same in every database and in Parquet."""

from __future__ import annotations

from typing import Any, Final

from coffeert.domain.money import money_text
from coffeert.wire.feed import OrderEvent

COLUMNS: Final = (
    "id", "type", "order_id", "store", "drink", "quantity", "price", "total", "placed_at", "received_at",
    "voids", "source", "receipt",
)  # fmt: skip
"""`id` is the event's, `total` what the line costs, in the currency of the menu."""


def values(event: OrderEvent) -> tuple[Any, ...]:
    """Return the values of an event: amounts are decimal text, as in the feed."""
    data = event.data
    places = len(data.price.partition(".")[2])
    total = money_text(event.order().total_cents, places)
    return (
        event.id, event.type, data.order_id, data.store, data.drink, data.quantity, data.price, total,
        data.placed_at, data.received_at, data.voids, data.source, data.receipt,
    )  # fmt: skip
