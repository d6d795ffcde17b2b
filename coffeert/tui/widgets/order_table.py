"""The table of recent orders."""

from __future__ import annotations

from uuid import UUID

from textual import events
from textual.message import Message

from coffeert.tui.render.orders import (
    OrderRow,
    OrdersModel,
    draw_row,
    heading,
    title_of,
)
from coffeert.tui.render.spans import Line, Span, framed, line, ruled
from coffeert.tui.widgets.panel import Panel
from coffeert.tui.widgets.scroll import Cursor, step_of

_MARGIN = 20
"""So many rows before the end of what is listed, more is asked for."""


class OrderTable(Panel[OrdersModel], can_focus=True):
    """Lists orders; away from the first row the list is held, so that the cursor stays on its order.

    Not Textual's `DataTable`: with 500 orders of which one is new, that takes 100 ms of CPU to fill again,
    this 4 ms, because only the rows on the screen are drawn and only the lines that changed are painted.
    """

    class Opened(Message):
        """An order is to be shown in full."""

        def __init__(self, row: OrderRow) -> None:
            super().__init__()
            self.row = row

    class SelectionChanged(Message):
        """The cursor moved to another order."""

        def __init__(self, row: OrderRow) -> None:
            super().__init__()
            self.row = row

    class Moved(Message):
        """The cursor left the first row, or (`follows`) came back to it."""

        def __init__(self, *, follows: bool) -> None:
            super().__init__()
            self.follows = follows

    class MoreWanted(Message):
        """The cursor is near the end of what is listed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.cursor = Cursor()
        self._chosen: UUID | None = None

    @property
    def chosen_row(self) -> OrderRow | None:
        """The row under the cursor."""
        if self.model is None or not self.model.orders:
            return None
        return self.model.row(min(self.cursor.at, len(self.model.orders) - 1))

    def draw(self, model: OrdersModel, cells: int, rows: int) -> list[Line]:
        """Draw the frame and the rows that fit."""
        glyphs = self.painter.glyphs
        boxed = rows >= 6 and cells >= 60
        inner = cells - 2 if boxed else cells
        room = max(0, rows - 3 if boxed else rows - 1)
        self._keep_place(model)
        count = len(model.orders)
        self.cursor.settle(count, max(1, room))
        if count and count <= self.cursor.top + room and model.listed.more:
            self.post_message(self.MoreWanted())
        last = min(count, self.cursor.top + room)
        shown = tuple(model.row(index) for index in range(self.cursor.top, last))
        body = [
            draw_row(row, model, inner, glyphs, self.has_focus and i == self.cursor.at)
            for i, row in enumerate(shown, self.cursor.top)
        ]
        if not shown:
            text = "no orders yet: press n to place one"
            if model.filtered or model.span:
                text = "no order matches"
            body = [line(Span(f"  {text}", "dim"))]
        title = title_of(model, glyphs, old=self.old)
        if not boxed:
            return [ruled(title, self.age, cells, glyphs, focused=self.has_focus), *body]
        body = [heading(inner), *body]
        return framed(body, cells, rows, glyphs, title=title, note=self.age, focused=self.has_focus)

    def on_key(self, event: events.Key) -> None:
        """Choose an order, or open it."""
        if self.model is None or not self.model.orders:
            return
        count = len(self.model.orders)
        step = step_of(event.key, max(1, self.size.height - 4), count)
        if step is not None:
            self._go(step)
            event.stop()
        elif event.key == "enter" and self.chosen_row is not None:
            self.post_message(self.Opened(self.chosen_row))
            event.stop()

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse; a second click opens it."""
        if self.model is None:
            return
        boxed = self.size.height >= 6 and self.size.width >= 60
        number = event.y - (2 if boxed else 1) + self.cursor.top
        if 0 <= number < len(self.model.orders):
            self._go(number - self.cursor.at)
            if event.chain >= 2 and self.chosen_row is not None:
                self.post_message(self.Opened(self.chosen_row))

    def on_mouse_scroll_down(self) -> None:
        self._go(3)

    def on_mouse_scroll_up(self) -> None:
        self._go(-3)

    def _go(self, step: int) -> None:
        assert self.model is not None
        count = len(self.model.orders)
        before = self.cursor.at
        self.cursor.move(step, count)
        row = self.chosen_row
        # On the top row the cursor stays on the row, not on the order.
        self._chosen = row.order.order_id if row is not None and self.cursor.at > 0 else None
        if (before == 0) != (self.cursor.at == 0):
            self.post_message(self.Moved(follows=self.cursor.at == 0))
        if self.cursor.at >= count - _MARGIN and self.model.listed.more:
            self.post_message(self.MoreWanted())
        self.repaint()
        if row is not None:
            self.post_message(self.SelectionChanged(row))

    def to_first_row(self) -> None:
        """Go to the newest order."""
        self.cursor.at = self.cursor.top = 0
        self._chosen = None
        self.repaint()

    def _keep_place(self, model: OrdersModel) -> None:
        if self._chosen is None:
            return
        for index, order in enumerate(model.orders):
            if order.order_id == self._chosen:
                self.cursor.top += index - self.cursor.at
                self.cursor.at = index
                return
        self._chosen = None
