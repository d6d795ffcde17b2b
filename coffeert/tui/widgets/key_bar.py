"""The keys of the moment, in the last line."""

from __future__ import annotations

from textual import events

from coffeert.tui.render.key_line import KeyHint, draw_keys, hint_at
from coffeert.tui.render.spans import Line
from coffeert.tui.widgets.panel import Panel


class KeyBar(Panel[tuple[KeyHint, ...]]):
    """Shows keys, whole ones only; a click does what the key does.

    Not Textual's `Footer`, which cuts words, shows the same keys everywhere, and makes a widget for each of
    them again whenever the focus moves.
    """

    DEFAULT_CSS = """
    KeyBar { position: relative; dock: bottom; width: 100%; height: 1; }
    """

    def draw(self, model: tuple[KeyHint, ...], cells: int, rows: int) -> list[Line]:
        return [draw_keys(model, cells, self.painter.glyphs)]

    async def on_click(self, event: events.Click) -> None:
        if self.model is None:
            return
        hint = hint_at(event.x, self.model, self.size.width, self.painter.glyphs)
        if hint is not None and hint.action:
            await self.app.run_action(hint.action, self.screen)
