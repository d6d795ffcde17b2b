"""The stores or the drinks: choose a row, and drill down into it."""

from __future__ import annotations

from functools import partial
from math import inf
from time import monotonic

from textual import events
from textual.message import Message

from coffeert.tui.render.breakdown import BreakdownModel, BreakdownRow, draw_breakdown
from coffeert.tui.render.motion import LIT_SECONDS, REST_SECONDS
from coffeert.tui.render.spans import EMPTY, Line, Span, framed, line, ruled
from coffeert.tui.widgets.panel import Panel
from coffeert.tui.widgets.scroll import Cursor, step_of

_HEADING = 1
_LOWEST_BOX = 6


class BreakdownPanel(Panel[BreakdownModel], can_focus=True):
    """Lists stores or drinks under a heading that stays."""

    class Drilled(Message):
        """A row is to be drilled down into."""

        def __init__(self, row: BreakdownRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.cursor = Cursor()
        self._grown: dict[str, float] = {}
        self._lit: frozenset[str] = frozenset()

    def show(self, model: BreakdownModel, *, old: bool = False, age: Line = ()) -> None:
        """Show a model; the stores that have just sold something light up for a moment."""
        before = self.model
        if before is not None and before.title == model.title and not old:
            self._light_up(before, model)
        super().show(model, old=old, age=age)

    def _light_up(self, before: BreakdownModel, model: BreakdownModel) -> None:
        if model.dimension != "store" or not self.painter.animated:
            return
        moment, sold = monotonic(), {row.code: row.totals.orders for row in before.rows}
        grown = [row.code for row in model.rows if row.totals.orders > sold.get(row.code, 0)]
        lit = [code for code in grown if moment - self._grown.get(code, -inf) >= REST_SECONDS]
        self._grown |= dict.fromkeys(grown, moment)
        if lit:
            self._lit |= frozenset(lit)
            self.set_timer(LIT_SECONDS, partial(self._darken, frozenset(lit)))

    def _darken(self, codes: frozenset[str]) -> None:
        self._lit -= codes
        self.repaint()

    def draw(self, model: BreakdownModel, cells: int, rows: int) -> list[Line]:
        """Draw the rows, scrolled to the chosen one."""
        glyphs = self.painter.glyphs
        boxed = rows >= _LOWEST_BOX
        room, count = max(1, rows - (2 if boxed else 1) - _HEADING), len(model.rows)
        here = None
        if self.has_focus and count:
            self.cursor.settle(count, room)
            here = self.cursor.at
        else:
            self.cursor.top = 0
        lines = draw_breakdown(model, cells - 2 if boxed else cells, glyphs, here, self._lit)
        body = lines[_HEADING:]
        if here is not None and here == count - 1:
            self.cursor.top = max(0, len(body) - room)  # the line about the idle ones, too
        hidden = len(body) - self.cursor.top - room
        more = line(Span(f"{hidden} more {glyphs.down}", "dim")) if hidden > 0 else EMPTY
        by = f"by {model.sort}" if model.sort != "takings" else ""
        compared = any(row.change and row.change.percent is not None for row in model.rows)
        against = f"vs {model.against}" if model.against and compared else ""
        foot = f" {glyphs.separator} ".join(text for text in (against, by) if text)
        title = line(Span(model.title, "title"))
        note = (*more, Span("  "), *self.age) if more and self.age else (*more, *self.age)
        shown = lines[:_HEADING] + body[self.cursor.top :]
        if not boxed:
            return [ruled(title, note, cells, glyphs, focused=self.has_focus), *shown]
        return framed(
            shown,
            cells,
            rows,
            glyphs,
            title=title,
            note=note,
            foot=line(Span(foot, "dim")) if foot else EMPTY,
            focused=self.has_focus,
        )

    def on_key(self, event: events.Key) -> None:
        """Choose a row, or drill down."""
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
        number = event.y - 1 - _HEADING + self.cursor.top
        if event.y <= _HEADING or not 0 <= number < self._count():
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
        return 0 if self.model is None else len(self.model.rows)

    def _drill(self, number: int) -> None:
        if self.model is not None and 0 <= number < self._count():
            self.post_message(self.Drilled(self.model.rows[number]))
