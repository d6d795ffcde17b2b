"""The engine view."""

from __future__ import annotations

from dataclasses import dataclass

from coffeert.tui.render.spans import Line
from coffeert.tui.render.system_panel import Part, draw_system
from coffeert.tui.widgets.panel import Panel


@dataclass(frozen=True, slots=True)
class SystemModel:
    """What the view shows; `mode` says how live the server's pictures are."""

    parts: tuple[Part, ...]
    mode: str


class SystemPanel(Panel[SystemModel]):
    """Shows how each part of the server is, and how far it is from its limit."""

    def draw(self, model: SystemModel, cells: int, rows: int) -> list[Line]:
        """Draw the parts."""
        return draw_system(model.parts, cells, rows, self.painter.glyphs, model.mode)
