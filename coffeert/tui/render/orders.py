"""The list of orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.orders import Order
from coffeert.printable import printable
from coffeert.tui.model.order_log import MAX_ORDERS
from coffeert.tui.model.order_search import ListedOrders
from coffeert.tui.model.order_traces import OrderTrace
from coffeert.tui.render.format import milliseconds, money
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, chosen, fit_line, line
from coffeert.tui.render.text import fit


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order of the list; `own` is its trace if it was placed here, `voided_at` set if it was voided.

    `store` and `drink` are their names.
    """

    order: Order
    own: OrderTrace | None = None
    voided_at: datetime | None = None
    store: str = ""
    drink: str = ""


@dataclass(frozen=True, slots=True)
class OrdersModel:
    """The list, newest first. `held`: it stands still, and `unseen` matching orders have come since.

    `mine` holds the traces of the viewer's own orders. `span` is the range that the list is limited to, if
    it is. `asked`: the server has answered for it; otherwise it has what was received here. Names of stores
    and drinks are by code.
    """

    listed: ListedOrders
    mine: Mapping[UUID, OrderTrace]
    zone: tzinfo
    held: bool = False
    unseen: int = 0
    filtered: bool = False
    places: int = DEFAULT_PLACES
    span: str = ""
    asked: bool = False
    store_names: Mapping[str, str] | None = None
    drink_names: Mapping[str, str] | None = None
    until: datetime | None = None

    @property
    def orders(self) -> tuple[Order, ...]:
        """The orders listed."""
        return self.listed.orders

    def row(self, index: int) -> OrderRow:
        """Return one row."""
        order = self.orders[index]
        voided_at = self.listed.voided.get(order.order_id)
        return OrderRow(
            order,
            self.mine.get(order.order_id),
            voided_at,
            _name(order.store, self.store_names),
            _name(order.drink, self.drink_names),
        )

    @property
    def rows(self) -> tuple[OrderRow, ...]:
        """All rows; for a screenful, `row` is cheaper."""
        return tuple(self.row(index) for index in range(len(self.orders)))


def title_of(model: OrdersModel, glyphs: Glyphs, *, old: bool = False) -> Line:
    """Return the title: whether the list follows or is held, and how many orders it has of how many.

    `old`: nothing is heard, so nothing follows.
    """
    dot = f" {glyphs.separator} "
    state = []
    if model.held:
        new = f"{dot}+{model.unseen:,} new" if model.unseen else ""
        state = [Span(dot, "dim"), Span(f"held{new}", "warn")]
    elif old:
        state = [Span(f"{dot}-", "dim")]
    elif model.until is None:
        state = [Span(dot, "dim"), Span("following", "good")]
    return line(Span("Orders", "title"), *state, Span(f"{dot}{count_text(model)}", "dim"))


def count_text(model: OrdersModel) -> str:
    """Return how many orders are listed, of how many, and whether older ones can be had."""
    shown, total = len(model.orders), model.listed.total
    if not model.asked:
        return f"the last {shown:,}" if shown < MAX_ORDERS else f"only the last {shown:,}"
    span = f" {model.span}" if model.span else ""
    if not model.listed.more:
        return f"{shown:,}{span}" if total in (None, shown) else f"{shown:,} of {total:,}{span}"
    return (
        f"{shown:,}{span}, more below"
        if total is None
        else f"{shown:,} of {total:,}{span}, more below"
    )


def heading(cells: int) -> Line:
    """Return the names of the columns that fit."""
    texts = [fit(name, wide, "right" if right else "left") for name, wide, right in _columns(cells)]
    return fit_line(line(Span("  " + " ".join(texts), "dim")), cells)


def draw_row(row: OrderRow, model: OrdersModel, cells: int, glyphs: Glyphs, here: bool) -> Line:
    """Draw one order; what was voided is struck, with the time of the void behind it."""
    pieces = [Span(f"{glyphs.cursor} " if here else "  ", "accent")]
    for name, wide, right in _columns(cells):
        text = fit(
            _field(row, name, model, wide), wide, "right" if right else "left", glyphs.ellipsis
        )
        pieces += [Span(text, _role(row, name)), Span(" ")]
    pieces += _notes(row, model, glyphs)
    drawn = fit_line(pieces, cells)
    return chosen(drawn) if here else drawn


def _notes(row: OrderRow, model: OrdersModel, glyphs: Glyphs) -> list[Span]:
    notes = []
    if row.own is not None:
        took = row.own.total_ms
        text = "yours" if took is None else f"yours {milliseconds(took)} ms"
        notes.append(Span(f"{text} ", "own"))
    if row.voided_at is not None:
        mark = "" if glyphs.name == "ascii" else "↩ "
        notes.append(Span(f"{mark}void {_clock(row.voided_at, model)}", "bad"))
    elif row.order.quantity < 0:
        notes.append(Span("refund", "bad"))
    return notes


def _role(row: OrderRow, name: str) -> Role:
    if row.voided_at is not None:
        return "struck"
    if name == "time":
        return "dim"
    return "bad" if row.order.quantity < 0 and name in ("qty", "amount") else "text"


def _columns(cells: int) -> list[tuple[str, int, bool]]:
    if cells < 64:
        return [
            *(("time", 8, False), ("drink", 10, False), ("store", 8, False)),
            *(("qty", 2, True), ("amount", 6, True)),
        ]
    columns = [("time", 12, False), ("drink", 13, False), ("store", 9, False)]
    columns += [("qty", 5 if cells >= 88 else 3, True), ("amount", 9, True)]
    if cells >= 88:
        columns[1:3] = [("drink", 16, False), ("store", 14, False)]
        columns.insert(4, ("each", 8, True))
    if cells >= 130:
        columns[1:3] = [("drink", 28, False), ("store", 24, False)]
    return columns


def _field(row: OrderRow, name: str, model: OrdersModel, wide: int) -> str:
    order = row.order
    match name:
        case "time":
            return _clock(order.placed_at, model, wide)
        case "drink":
            return row.drink
        case "store":
            return row.store
        case "qty":
            return str(order.quantity)
        case "each":
            return money(order.price_cents, model.places)
        case _:
            return money(order.total_cents, model.places)


def _name(code: str, names: Mapping[str, str] | None) -> str:
    return printable(code if names is None else names.get(code, code))


def _clock(moment: datetime, model: OrdersModel, wide: int = 12) -> str:
    """Write a time of the day; of another day than the newest order's, the day and the minute."""
    local = moment.astimezone(model.zone)
    newest = model.orders[0].placed_at.astimezone(model.zone) if model.orders else local
    if local.date() == newest.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%d %b %H:%M}" if wide >= 12 else f"{local:%d %b}"
