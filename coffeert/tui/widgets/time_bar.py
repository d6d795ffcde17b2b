"""The bar at the bottom; a click on the track goes to that time."""

from __future__ import annotations

from textual import events
from textual.message import Message

from coffeert.tui.render.spans import Line
from coffeert.tui.render.time_bar import BarModel, draw_bar, moment_at
from coffeert.tui.widgets.panel import Panel


class TimeBar(Panel[BarModel]):
    """Shows how far back the session's memory reaches, and where one is in it."""

    class Scrubbed(Message):
        """The viewer wants to see how it was so many seconds ago."""

        def __init__(self, back: float) -> None:
            super().__init__()
            self.back = back

    def draw(self, model: BarModel, cells: int, rows: int) -> list[Line]:
        """Draw the line."""
        return [draw_bar(model, cells, self.painter.glyphs)]

    def on_click(self, event: events.Click) -> None:
        """Go to the time under the mouse."""
        if self.model is not None:
            back = moment_at(event.x, self.model, self.size.width, self.painter.glyphs)
            if back is not None:
                self.post_message(self.Scrubbed(back))
