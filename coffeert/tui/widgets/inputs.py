"""The line in which a filter is typed; it acts while one types."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Select

from coffeert.tui.model.filter import EVERYTHING, Filter, FilterError, parse_filter


class FilterInput(Input):
    """Opens over the controls, and closes by Enter (keep) or Escape (as before)."""

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
        """The filter is another one, or what is typed cannot be read."""

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
        self._came_from: Widget | None = None

    def open(self, text: str) -> None:
        """Begin to type."""
        self._before = text
        self._came_from = self.screen.focused
        self.value = text
        self.cursor_position = len(text)
        self.display = True
        self.focus()

    def clear_filter(self) -> None:
        """Take everything again."""
        self.value = ""
        self.post_message(self.FilterChanged(EVERYTHING))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Read what is typed."""
        event.stop()
        if self.display:
            self._tell(event.value)

    def action_leave(self) -> None:
        """Leave the filter as it was."""
        self.post_message(self.FilterChanged(parse_filter(self._before)))
        self._close()

    async def action_submit(self) -> None:
        """Keep the filter."""
        self._keep()

    def on_key(self, event: events.Key) -> None:
        """Act at once: what is typed ahead of the screen is meant for what comes then."""
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
        """Tell that a slash is typed here, too."""
        return key == "slash" or super().check_consume_key(key, character)

    def on_blur(self) -> None:
        """Close when the keys go elsewhere."""
        if self.display:
            self._hide()

    def _keep(self) -> None:
        self._tell(self.value)
        self._close()

    def _tell(self, text: str) -> None:
        try:
            self.post_message(self.FilterChanged(parse_filter(text)))
        except FilterError as error:
            self.post_message(self.FilterChanged(None, str(error)))

    def _close(self) -> None:
        self._hide()
        self.screen.set_focus(self._came_from)

    def _hide(self) -> None:
        self.display = False
        self.post_message(self.Closed())


class ChoiceSelect(Select[str]):
    """A `Select` of one line that needs no key to be opened: letters go to its list at once."""

    def on_key(self, event: events.Key) -> None:
        """Hand a letter on to the list, which jumps to what matches; space and Enter only open it."""
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
