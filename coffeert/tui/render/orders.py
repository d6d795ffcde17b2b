"""The list of recent orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from uuid import UUID

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.orders import Order
from coffeert.printable import printable
from coffeert.tui.model.order_traces import OrderTrace
from coffeert.tui.render.format import ago, milliseconds, money
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Span, chosen, fit_line, line
from coffeert.tui.render.text import fit


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order of the list; `own` is its trace if it was placed here."""

    order: Order
    own: OrderTrace | None = None


@dataclass(frozen=True, slots=True)
class OrdersModel:
    """The list, newest first; `unseen` counts the orders that came since it was frozen.

    `mine` holds the traces of the viewer's own orders.
    """

    orders: tuple[Order, ...]
    mine: Mapping[UUID, OrderTrace]
    zone: tzinfo
    frozen: bool = False
    unseen: int = 0
    filtered: bool = False
    places: int = DEFAULT_PLACES

    def row(self, index: int) -> OrderRow:
        order = self.orders[index]
        return OrderRow(order, self.mine.get(order.order_id))

    @property
    def rows(self) -> tuple[OrderRow, ...]:
        """All rows; for a screenful, `row` is cheaper."""
        return tuple(self.row(index) for index in range(len(self.orders)))


def title_of(model: OrdersModel, glyphs: Glyphs) -> Line:
    """Return the title: whether the list follows or is frozen, and how many orders it has."""
    dot = f" {glyphs.separator} "
    state = (
        Span(f"frozen{dot}+{model.unseen:,} new", "warn")
        if model.frozen
        else Span("following", "good")
    )
    kept = f"{dot}{len(model.orders):,} {'matching' if model.filtered else 'at hand'}"
    return line(Span("Recent orders", "title"), Span(dot, "dim"), state, Span(kept, "dim"))


def heading(cells: int) -> Line:
    """Return the names of the columns that fit."""
    texts = [fit(name, wide, "right" if right else "left") for name, wide, right in _columns(cells)]
    return fit_line(line(Span("  " + " ".join(texts), "dim")), cells)


def draw_row(row: OrderRow, model: OrdersModel, cells: int, glyphs: Glyphs, here: bool) -> Line:
    """Draw one order."""
    order = row.order
    own = row.own
    pieces = [Span(f"{glyphs.cursor} " if here else "  ", "accent")]
    for name, wide, right in _columns(cells):
        text = _field(order, name, model, wide)
        role: Span = Span(fit(text, wide, "right" if right else "left", glyphs.ellipsis))
        if name in ("time", "id", "took"):
            role = role._replace(role="dim")
        if order.quantity < 0 and name in ("qty", "amount"):
            role = role._replace(role="bad")
        pieces += [role, Span(" ")]
    if own is not None:
        took = own.total_ms
        if own.status == "voided":
            pieces += [Span("yours", "own"), Span(" voided", "warn")]
        else:
            text = "yours" if took is None else f"yours {milliseconds(took)} ms"
            pieces.append(Span(text, "own"))
    elif order.voids is not None:
        pieces.append(Span("void", "bad"))
    elif order.quantity < 0:
        pieces.append(Span("refund", "bad"))
    drawn = fit_line(pieces, cells)
    return chosen(drawn) if here else drawn


def _columns(cells: int) -> list[tuple[str, int, bool]]:
    columns = [("time", 8, False), ("drink", 10, False), ("store", 8, False)]
    columns += [("qty", 2, True), ("amount", 6, True)]
    if cells >= 64:
        columns[0] = ("time", 10, False)
        columns[1] = ("drink", 16, False)
        columns[2] = ("store", 14, False)
        columns[3] = ("qty", 3, True)
        columns[4] = ("amount", 9, True)
    if cells >= 88:
        columns[3] = ("qty", 5, True)  # -9999
        columns.insert(1, ("id", 13, False))
        columns.insert(5, ("each", 8, True))
        columns.append(("took", 9, True))
    if cells >= 130:
        columns[2] = ("drink", 24, False)
        columns[3] = ("store", 20, False)
    return columns


def _field(order: Order, name: str, model: OrdersModel, wide: int) -> str:
    if name == "time":
        local = order.placed_at.astimezone(model.zone)
        tenth = f".{local.microsecond // 100_000}" if wide >= 10 else ""
        return f"{local:%H:%M:%S}{tenth}"
    if name == "id":
        return str(order.order_id)[-12:]
    if name == "drink":
        return printable(order.drink)
    if name == "store":
        return printable(order.store)
    if name == "qty":
        return str(order.quantity)
    if name == "took":
        took = (order.received_at - order.placed_at).total_seconds()
        if took == 0 or order.voids is not None:
            return ""  # the server set `placed_at`, or a correction took that of its order
        return f"{took * 1000:,.0f} ms" if abs(took) < 10 else ago(took)
    if name == "each":
        return money(order.price_cents, model.places)
    return money(order.total_cents, model.places)
