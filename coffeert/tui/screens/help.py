"""The help: the keys of this screen, and how to read it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.help import help_lines
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView

_FRAME = 5
"""Cells of the box's edges, padding and scroll bar."""
_WIDEST = 124


class Help(Modal[None]):
    """Explains keys and signs, beginning with the panel that has the focus."""

    KEYS = (("j k pgdn", "scroll"),)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "question_mark,q,f1", "close", "close", show=False, id="help.close", tooltip="Close"
        ),
        Binding("j", "scroll(1)", "down", show=False, id="help.down", tooltip="Scroll down"),
        Binding("k", "scroll(-1)", "up", show=False, id="help.up", tooltip="Scroll up"),
    ]
    CSS = """
    Help > .box { width: 100%; max-width: 124; }
    """

    def __init__(self, focused: Widget | None, keys: list[tuple[str, str]], glyphs: Glyphs) -> None:
        super().__init__()
        self._topic = "" if focused is None else (focused.id or "")
        self._keys = keys
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = "Help"
            yield LinesView(id="help")

    def on_resize(self) -> None:
        """Set the text again, in as many columns as fit now."""
        cells = min(self.size.width, _WIDEST) - _FRAME
        lines = help_lines(self._topic, self._keys, cells, self._glyphs)
        self.query_one("#help", LinesView).show(lines)

    def action_scroll(self, step: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)
