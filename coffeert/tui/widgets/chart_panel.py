"""A chart with a crosshair."""

from __future__ import annotations

from textual import events
from textual.message import Message

from coffeert.tui.render.chart import ChartModel
from coffeert.tui.render.chart_drawing import (
    axis_cells,
    draw_chart,
    index_at,
    legend_of,
    note_of,
)
from coffeert.tui.render.spans import EMPTY, Line, Span, framed, line
from coffeert.tui.widgets.panel import Panel


class ChartPanel(Panel[ChartModel], can_focus=True):
    """Draws a chart in a frame; the crosshair follows the mouse and the arrow keys."""

    class CursorMoved(Message):
        """The crosshair moved to a bucket, or off the chart (`None`)."""

        def __init__(self, index: int | None) -> None:
            super().__init__()
            self.index = index

    class Opened(Message):
        """The bucket under the crosshair was chosen."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def draw(self, model: ChartModel, cells: int, rows: int) -> list[Line]:
        glyphs = self.painter.glyphs
        body = draw_chart(model, cells - 2, rows - 2, glyphs)
        return framed(
            body or [line(Span(f" {model.note}", "dim"))],
            cells,
            rows,
            glyphs,
            title=line(Span(model.title, "title")),
            note=self.age or (legend_of(model, glyphs) if model.values else EMPTY),
            foot=note_of(model),
            focused=self.has_focus,
        )

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.model is None or not self.model.values:
            return
        axis = axis_cells(self.model, self.size.height - 3)
        columns = self.size.width - 2 - axis
        column = event.x - 1 - axis
        if 0 <= column < columns:
            index = index_at(column, len(self.model.values), columns)
            if index != self.model.cursor:
                self.post_message(self.CursorMoved(index))

    def on_leave(self) -> None:
        """Remove the crosshair when the mouse leaves."""
        if self.model is not None and self.model.cursor is not None and not self.has_focus:
            self.post_message(self.CursorMoved(None))

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            if self.model is not None and self.model.bars and self.model.cursor is not None:
                self.post_message(self.Opened(self.model.cursor))
            else:
                self.enlarge()
            event.stop()
        if self.model is None or not self.model.values:
            return
        count = len(self.model.values)
        at, newest = self.model.cursor, self.model.running
        steps = {"left": -1, "h": -1, "right": 1, "l": 1}
        if event.key in steps:
            start = count - 1 if newest is None else newest
            moved = start if at is None else at + steps[event.key]
            self.post_message(self.CursorMoved(max(0, min(count - 1, moved))))
            event.stop()
        elif event.key == "escape" and at is not None:
            self.post_message(self.CursorMoved(None))
            event.stop()
