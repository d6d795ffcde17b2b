"""Exports of what is shown: the orders as CSV, the window as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from coffeert.domain.money import money_text
from coffeert.domain.orders import Order
from coffeert.domain.rollups import Totals
from coffeert.tui.model.window import Window

_COLUMNS = (
    *("order_id", "store", "drink", "quantity", "price", "placed_at", "received_at", "voids"),
    *("total", "source", "receipt"),
)


class ExportedSums(msgspec.Struct, frozen=True):
    """Sums of a store, a drink, or a bucket; `revenue` is decimal text."""

    name: str
    orders: int
    quantity: int
    revenue: str


class Exported(msgspec.Struct, frozen=True):
    """A window as it was shown; minutes are named by their starts in UTC."""

    at: datetime
    range: str
    filter: str
    total: ExportedSums
    buckets: tuple[ExportedSums, ...]
    stores: tuple[ExportedSums, ...]
    drinks: tuple[ExportedSums, ...]


def orders_csv(orders: Sequence[Order], places: int) -> str:
    """Return orders as CSV, amounts with so many decimal places.

    A text cell that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
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


def window_json(window: Window, filter_text: str, places: int) -> str:
    """Return a window as JSON, amounts with so many decimal places."""
    names = [datetime.fromtimestamp(start, UTC).isoformat() for start in window.starts]
    exported = Exported(
        at=datetime.fromtimestamp(window.now, UTC),
        range=window.span.name,
        filter=filter_text,
        total=_sums("total", window.sums.total, places),
        buckets=tuple(
            _sums(n, t, places) for n, t in zip(names, window.bucket_totals, strict=True)
        ),
        stores=tuple(
            _sums(code, totals, places) for code, totals in sorted(window.sums.stores.items())
        ),
        drinks=tuple(
            _sums(code, totals, places) for code, totals in sorted(window.sums.drinks.items())
        ),
    )
    return msgspec.json.format(msgspec.json.encode(exported), indent=2).decode() + "\n"


def _sums(name: str, totals: Totals, places: int) -> ExportedSums:
    revenue = money_text(totals.cents, places)
    return ExportedSums(name, totals.orders, totals.quantity, revenue)


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
