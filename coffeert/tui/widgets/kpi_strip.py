"""The key figures side by side."""

from __future__ import annotations

from coffeert.tui.render.kpi import Tile, bare_tiles, boxed_tiles, tile_list
from coffeert.tui.render.layout import KPI_BARE, KPI_BOXED, NARROW
from coffeert.tui.render.spans import Line
from coffeert.tui.widgets.panel import Panel


class KpiStrip(Panel[tuple[Tile, ...]]):
    """Shows the tiles in boxes, bare, or one a line, as room allows."""

    def draw(self, model: tuple[Tile, ...], cells: int, rows: int) -> list[Line]:
        """Draw the tiles."""
        glyphs = self.painter.glyphs
        if cells < NARROW:
            return tile_list(model, cells, glyphs)
        if rows >= KPI_BOXED:
            return boxed_tiles(model, cells, glyphs, self.age)
        assert rows <= KPI_BARE + 1
        return bare_tiles(model, cells, glyphs)
