"""The lines that span the screen: header, controls and fault at the top, time bar at the bottom."""

from __future__ import annotations

from textual import events
from textual.message import Message

from coffeert.tui.render.fault import FaultModel, draw_fault
from coffeert.tui.render.header import (
    ControlsModel,
    HeaderModel,
    draw_controls,
    draw_header,
    range_at,
    tab_at,
)
from coffeert.tui.render.layout import TabName
from coffeert.tui.render.spans import Line
from coffeert.tui.render.time_bar import BarModel, draw_bar
from coffeert.tui.widgets.panel import Panel


class HeaderBar(Panel[HeaderModel]):
    """The upper line: tabs, state, age, rate.

    Not Textual's `Tabs`, which take two lines, and a line of their own beside the state. A click is located
    in the text as drawn, because titles are shortened and pieces left out to fit.
    """

    class TabChosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: TabName) -> None:
            super().__init__()
            self.tab = tab

    def draw(self, model: HeaderModel, cells: int, rows: int) -> list[Line]:
        return [draw_header(model, cells, self.painter.glyphs)]

    def on_click(self, event: events.Click) -> None:
        if self.model is not None:
            tab = tab_at(event.x, self.size.width, self.model, self.painter.glyphs)
            if tab is not None:
                self.post_message(self.TabChosen(tab))


class ControlsBar(Panel[ControlsModel]):
    """The lower line: range, comparison, filter, alerts; drawn like `HeaderBar`, for the same reason."""

    class RangeChosen(Message):
        """A range was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def draw(self, model: ControlsModel, cells: int, rows: int) -> list[Line]:
        return [draw_controls(model, cells, self.painter.glyphs)]

    def on_click(self, event: events.Click) -> None:
        if self.model is not None:
            name = range_at(event.x, self.size.width, self.model, self.painter.glyphs)
            if name is not None:
                self.post_message(self.RangeChosen(name))


class FaultBar(Panel[FaultModel]):
    """What is wrong, on a line that exists only then."""

    def draw(self, model: FaultModel, cells: int, rows: int) -> list[Line]:
        return draw_fault(model, cells, self.painter.glyphs)[:rows]


class TimeBar(Panel[BarModel]):
    """Shows which moment is on the screen, and what is recorded and injected."""

    def draw(self, model: BarModel, cells: int, rows: int) -> list[Line]:
        return [draw_bar(model, cells, self.painter.glyphs)]
