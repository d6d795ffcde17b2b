"""The saved views: choose one, save what is shown under a name, remove one."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input

from coffeert.errors import ConfigError
from coffeert.printable import printable
from coffeert.tui.model.saved_views import MAX_NAME_LENGTH, SavedView, SavedViews
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Span, chosen, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView

_STEPS = {"up": -1, "k": -1, "down": 1, "j": 1}


class ViewList(Modal[SavedView]):
    """Closes with the chosen view, or with `None`."""

    AUTO_FOCUS = ""
    KEYS = (("enter", "show"), ("↑↓", "choose"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "name", "save", id="views.save", tooltip="Save what is shown by name"),
        Binding("delete,d", "remove", "remove", id="views.remove", tooltip="Remove the view"),
        Binding("q,V", "close", "close", show=False, id="views.close", tooltip="Close"),
    ]
    CSS = """
    ViewList Input { display: none; height: 1; }
    """

    def __init__(self, views: SavedViews, present: SavedView, glyphs: Glyphs) -> None:
        super().__init__()
        self._views = views
        self._present = present
        self._glyphs = glyphs
        current = views.name_of(present)
        self._at = 1 + list(views).index(current) if current else 0
        self._told = ""

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = "Saved views"
            yield LinesView(id="views")
            yield Input(placeholder="name of the view", compact=True, max_length=MAX_NAME_LENGTH)
            yield LinesView(id="hints")

    def on_mount(self) -> None:
        self._show()

    def on_key(self, event: events.Key) -> None:
        """Choose a view with the arrows, show it with Enter."""
        if self.query_one(Input).has_focus:
            return
        if event.key in _STEPS:
            self._at = (self._at + _STEPS[event.key]) % (len(self._views) + 1)
            self._show()
        elif event.key == "enter":
            self.dismiss(self._views[self._chosen_name])
        else:
            return
        event.stop()

    def action_name(self) -> None:
        """Ask for a name for what is shown."""
        field = self.query_one(Input)
        field.display = True
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Save what is shown under the name."""
        try:
            self._views.save(event.value, self._present)
        except ConfigError as error:
            self._told = str(error)
            self._show()
            return
        self.dismiss(self._present)

    def action_remove(self) -> None:
        name = self._chosen_name
        if name and not self._views.remove(name):
            self._told = f"{printable(name)} stands in coffeert-tui.toml: remove it there."
        self._at = min(self._at, len(self._views))
        self._show()

    @property
    def _chosen_name(self) -> str:
        names: list[str] = ["", *self._views]
        return names[self._at]

    def _show(self) -> None:
        rows = [("everything", ""), *((name, self._views[name].words()) for name in self._views)]
        lines: list[Line] = []
        for number, (name, text) in enumerate(rows):
            here = number == self._at
            drawn = line(
                Span(f"{self._glyphs.cursor} " if here else "  ", "accent"),
                Span(f"{printable(name, MAX_NAME_LENGTH):<{MAX_NAME_LENGTH}} ", "strong"),
                Span(printable(text, 120), "dim"),
            )
            lines.append(chosen(drawn) if here else drawn)
        self.query_one("#views", LinesView).show(lines)
        self.query_one("#hints", LinesView).show([line(Span(self._told, "warn"))])
