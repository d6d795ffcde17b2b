"""A chart with a crosshair."""

from __future__ import annotations

from textual import events
from textual.message import Message

from coffeert.tui.render.chart import ChartModel
from coffeert.tui.render.chart_drawing import (
    canvas_columns,
    draw_chart,
    index_at,
    note_of,
    title_of,
)
from coffeert.tui.render.plotext_backend import plot
from coffeert.tui.render.spans import Line, framed
from coffeert.tui.widgets.panel import Panel

_CANVAS_X = 8  # frame, labels and axis in front of the canvas


class ChartPanel(Panel[ChartModel], can_focus=True):
    """Draws a chart in a frame; the crosshair follows the mouse and the arrow keys."""

    class CursorMoved(Message):
        """The crosshair moved to a bucket, or off the chart (`None`)."""

        def __init__(self, index: int | None) -> None:
            super().__init__()
            self.index = index

    loaded = False  # importing plotext takes a while: not before the first paint

    def draw(self, model: ChartModel, cells: int, rows: int) -> list[Line]:
        glyphs = self.painter.glyphs
        body = draw_chart(model, cells - 2, rows - 2, glyphs, plot) if self.loaded else []
        return framed(
            body,
            cells,
            rows,
            glyphs,
            title=title_of(model, glyphs),
            note=self.age or note_of(model),
            focused=self.has_focus,
        )

    def load(self) -> None:
        """Draw curves from now on, which imports plotext."""
        self.loaded = True
        self.repaint()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.model is None:
            return
        columns = canvas_columns(self.size.width - 2)
        column = event.x - _CANVAS_X
        if 0 <= column < columns:
            index = index_at(column, len(self.model.values), columns)
            if index != self.model.cursor:
                self.post_message(self.CursorMoved(index))

    def on_leave(self) -> None:
        """Remove the crosshair when the mouse leaves."""
        if self.model is not None and self.model.cursor is not None and not self.has_focus:
            self.post_message(self.CursorMoved(None))

    def on_key(self, event: events.Key) -> None:
        if self.model is None:
            return
        count = len(self.model.values)
        at = self.model.cursor
        steps = {"left": -1, "h": -1, "right": 1, "l": 1}
        if event.key in steps:
            moved = (count - 1 if at is None else at) + (steps[event.key] if at is not None else 0)
            self.post_message(self.CursorMoved(max(0, min(count - 1, moved))))
            event.stop()
        elif event.key == "escape" and at is not None:
            self.post_message(self.CursorMoved(None))
            event.stop()
