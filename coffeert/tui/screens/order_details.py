"""Everything about one order."""

from __future__ import annotations

from datetime import tzinfo
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from coffeert.tui.render.details import order_lines
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.orders import OrderRow
from coffeert.tui.render.spans import Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.screens.view_models import order_json
from coffeert.tui.widgets.lines_view import LinesView


class OrderDetails(Modal[None]):
    """Shows an order's fields and, for an own order, its way from the key press to the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy", id="details.copy", tooltip="Copy the order as JSON"),
        Binding("enter,q", "close", "close", show=False, id="details.close", tooltip="Close"),
    ]

    def __init__(self, row: OrderRow, zone: tzinfo, glyphs: Glyphs, places: int) -> None:
        super().__init__()
        self._row = row
        self._zone = zone
        self._glyphs = glyphs
        self._places = places

    def compose(self) -> ComposeResult:
        lines = order_lines(self._row, self._zone, self._glyphs, self._places)
        with VerticalScroll(classes="box") as box:
            box.border_title = "Order"
            yield LinesView(lines)
            hint = line("", Span("y", "key"), Span(" copy   ", "dim"))
            yield LinesView([(), (*hint, Span("esc", "key"), Span(" close", "dim"))])

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(order_json(self._row.order, self._places))
        self.notify("Copied.")
