"""The breakdown by store and drink: choose a row, and drill down into it."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message

from coffeert.tui.render.breakdown import (
    BreakdownRow,
    Section,
    draw_sections,
    line_of_row,
    row_at,
    row_on_line,
)
from coffeert.tui.render.spans import EMPTY, Line, Span, framed, line
from coffeert.tui.widgets.panel import Panel
from coffeert.tui.widgets.scroll import Cursor, step_of


@dataclass(frozen=True, slots=True)
class BreakdownModel:
    sections: tuple[Section, ...]
    breadcrumbs: tuple[str, ...] = ()


class BreakdownPanel(Panel[BreakdownModel], can_focus=True):
    """Lists stores and drinks with shares."""

    class Drilled(Message):
        """A row is to be drilled down into."""

        def __init__(self, row: BreakdownRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.cursor = Cursor()

    def draw(self, model: BreakdownModel, cells: int, rows: int) -> list[Line]:
        """Draw the sections, scrolled to the chosen row."""
        glyphs = self.painter.glyphs
        room = rows - 2
        count = self._count()
        self.cursor.at = max(0, min(count - 1, self.cursor.at))
        here = self.cursor.at if self.has_focus and count else None
        lines = draw_sections(model.sections, cells - 2, glyphs, here)
        target = 0 if here is None else line_of_row(model.sections, here)
        if here is None:
            self.cursor.top = 0
        elif target < self.cursor.top + 1:
            self.cursor.top = max(0, target - 1)
        elif target >= self.cursor.top + room:
            self.cursor.top = target - room + 1
        self.cursor.top = max(0, min(self.cursor.top, len(lines) - room))
        hidden = len(lines) - self.cursor.top - room
        crumb = f" {glyphs.crumb} "
        title = line(Span(crumb.join(("Breakdown", *model.breadcrumbs)), "title"))
        more = line(Span(f"{hidden} more {glyphs.down}", "dim")) if hidden > 0 else EMPTY
        note = (*more, Span("  "), *self.age) if more and self.age else (*more, *self.age)
        return framed(
            lines[self.cursor.top :],
            cells,
            rows,
            glyphs,
            title=title,
            note=note,
            focused=self.has_focus,
        )

    def on_key(self, event: events.Key) -> None:
        """Choose a row, or drill down."""
        if self.model is None:
            return
        step = step_of(event.key, max(1, self.size.height - 4), self._count())
        if step is not None:
            self.cursor.move(step, self._count())
            self.repaint()
            event.stop()
        elif event.key in ("enter", "l", "right"):
            self._drill(self.cursor.at)
            event.stop()

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse; a second click drills down."""
        if self.model is None:
            return
        number = row_on_line(self.model.sections, event.y - 1 + self.cursor.top)
        if number is None:
            return
        if number == self.cursor.at and event.chain >= 2:
            self._drill(number)
        self.cursor.at = number
        self.repaint()

    def on_mouse_scroll_down(self) -> None:
        self.cursor.move(1, self._count())
        self.repaint()

    def on_mouse_scroll_up(self) -> None:
        self.cursor.move(-1, self._count())
        self.repaint()

    def _count(self) -> int:
        return 0 if self.model is None else sum(len(s.rows) for s in self.model.sections)

    def _drill(self, number: int) -> None:
        assert self.model is not None
        row = row_at(self.model.sections, number)
        if row is not None:
            self.post_message(self.Drilled(row))
