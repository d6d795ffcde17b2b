"""Exports of what is shown: the window as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from coffeert.domain.money import money_text
from coffeert.domain.rollups import Totals
from coffeert.tui.model.window import Window


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
