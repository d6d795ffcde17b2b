"""The panel of details on wide terminals: the chosen order, and one's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from coffeert.domain.orders import Order
from coffeert.tui.model.order_traces import OrderTrace
from coffeert.tui.render.details import order_lines, own_lines
from coffeert.tui.render.spans import EMPTY, Line, Span, framed, line
from coffeert.tui.widgets.panel import Panel


@dataclass(frozen=True, slots=True)
class DetailsModel:
    """What the panel shows."""

    order: Order | None
    own: OrderTrace | None
    mine: tuple[OrderTrace, ...]
    zone: tzinfo


class DetailsPanel(Panel[DetailsModel]):
    """Shows everything about the order under the cursor."""

    def draw(self, model: DetailsModel, cells: int, rows: int) -> list[Line]:
        """Draw both parts."""
        glyphs = self.painter.glyphs
        body: list[Line] = []
        if model.order is not None:
            body += order_lines(model.order, model.own, model.zone, glyphs)
        body += [
            EMPTY,
            line(Span("Your orders", "title"), Span("  ms: stored > wire > painted", "dim")),
        ]
        body += own_lines(model.mine, cells - 4, glyphs)
        padded = [(Span(" "), *row) for row in body]
        return framed(padded, cells, rows, glyphs, title=line(Span("Details", "title")))
