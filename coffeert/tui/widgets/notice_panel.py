"""The panel that stands in for all others before the first data."""

from __future__ import annotations

from dataclasses import dataclass

from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.render.notice import notice_lines
from coffeert.tui.render.spans import EMPTY, Line
from coffeert.tui.widgets.panel import Panel


@dataclass(frozen=True, slots=True)
class NoticeModel:
    """Why there is nothing to show, and where the server should be."""

    truth: DataStatus
    url: str


class NoticePanel(Panel[NoticeModel]):
    """Says what to type."""

    def draw(self, model: NoticeModel, cells: int, rows: int) -> list[Line]:
        """Draw the text in the middle."""
        lines = notice_lines(model.truth, model.url, cells, self.painter.glyphs)
        above = max(0, (rows - len(lines)) // 3)
        return [EMPTY] * above + lines
