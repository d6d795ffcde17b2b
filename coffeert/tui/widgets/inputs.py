"""Inputs: the line in which a filter is typed, and a choice among a few."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Select

from coffeert.tui.model.filter import Filter, FilterError, parse_filter


class FilterInput(Input):
    """A filter that takes effect while it is typed; Enter keeps it, Escape restores the one before."""

    DEFAULT_CSS = """
    FilterInput {
        layer: over; dock: bottom; margin: 0 0 1 0; height: 1; border: none; padding: 0 1;
        background: $panel; color: $foreground; display: none;
    }
    FilterInput:focus { border: none; background: $panel; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "keep", key_display="enter", tooltip="Keep the filter"),
        Binding("escape", "leave", "as before", tooltip="Leave the filter as it was"),
    ]

    class FilterChanged(Message):
        """The filter changed, or (`wanted` is `None`) cannot be read because of `error`."""

        def __init__(self, wanted: Filter | None, error: str = "") -> None:
            super().__init__()
            self.wanted = wanted
            self.error = error

    class Closed(Message):
        """Typing is over."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(
            placeholder="store:uptown drink:latte price>5 -tea", id=id, max_length=200, compact=True
        )
        self._before = ""
        self._focused_before: Widget | None = None

    def open(self, text: str) -> None:
        """Show the input over the key bar, with this text."""
        self._before = text
        self._focused_before = self.screen.focused
        self.value = text
        self.cursor_position = len(text)
        self.display = True
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self._parse(event.value)

    def action_leave(self) -> None:
        self.post_message(self.FilterChanged(parse_filter(self._before)))
        self._close()

    async def action_submit(self) -> None:
        self._keep()

    def on_key(self, event: events.Key) -> None:
        """Handle Enter and Escape at once: a key typed right after them is meant for the panels."""
        if self.display and event.key not in ("enter", "escape"):
            return
        event.stop()
        event.prevent_default()
        if not self.display:
            self.app.simulate_key(event.key)
        elif event.key == "enter":
            self._keep()
        else:
            self.action_leave()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return True for a slash, too: it is typed here and opens no other filter."""
        return key == "slash" or super().check_consume_key(key, character)

    def on_blur(self) -> None:
        """Close when the focus is moved elsewhere."""
        if self.display:
            self._hide()

    def _keep(self) -> None:
        self._parse(self.value)
        self._close()

    def _parse(self, text: str) -> None:
        try:
            self.post_message(self.FilterChanged(parse_filter(text)))
        except FilterError as error:
            self.post_message(self.FilterChanged(None, str(error)))

    def _close(self) -> None:
        self._hide()
        self.screen.set_focus(self._focused_before)

    def _hide(self) -> None:
        self.display = False
        self.post_message(self.Closed())


class ChoiceSelect(Select[str]):
    """A `Select` that opens when a letter is typed; Textual's own first needs a key that opens it."""

    def on_key(self, event: events.Key) -> None:
        """Pass a letter on to the list, which jumps to what matches; space and Enter only open it."""
        if not event.is_printable or event.character == " ":
            return
        event.stop()
        event.prevent_default()
        options = self.query_one(OptionList)
        if not self.expanded:
            self.action_show_overlay()
            # At once: the list forgets what was typed before it gets the focus.
            self.screen.set_focus(options, scroll_visible=False)
        options.post_message(events.Key(event.key, event.character))
