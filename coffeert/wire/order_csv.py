"""Orders as CSV, in the columns that `coffeert import` knows as its own export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from coffeert.domain.money import money_text
from coffeert.domain.orders import Order

COLUMNS: Final = (
    *("order_id", "store", "drink", "quantity", "price", "placed_at", "received_at", "voids"),
    *("total", "source", "receipt"),
)
HEADING: Final = ",".join(COLUMNS) + "\n"


def csv_rows(orders: Iterable[Order], places: int) -> str:
    """Return a line for each order, amounts with so many decimal places.

    A text cell that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for order in orders:
        writer.writerow(
            (
                order.order_id,
                _harmless(order.store),
                _harmless(order.drink),
                order.quantity,
                money_text(order.price_cents, places),
                order.placed_at.isoformat(),
                order.received_at.isoformat(),
                order.voids or "",
                "" if order.amount is None else money_text(order.amount, places),
                _harmless(order.source or ""),
                _harmless(order.receipt or ""),
            )
        )
    return text.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
