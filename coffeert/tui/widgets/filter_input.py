"""The line in which a filter is typed; it acts while one types."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from coffeert.tui.present.filter import EVERYTHING, Filter, FilterError, parse_filter


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

    class ChangedTo(Message):
        """The filter is another one, or what is typed cannot be read."""

        def __init__(self, wanted: Filter | None, complaint: str = "") -> None:
            super().__init__()
            self.wanted = wanted
            self.complaint = complaint

    class Closed(Message):
        """Typing is over."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(
            placeholder="store:uptown drink:latte price>5 -tea", id=id, max_length=200, compact=True
        )
        self._before = ""

    def open(self, text: str) -> None:
        """Begin to type."""
        self._before = text
        self.value = text
        self.cursor_position = len(text)
        self.display = True
        self.focus()

    def clear_filter(self) -> None:
        """Take everything again."""
        self.value = ""
        self.post_message(self.ChangedTo(EVERYTHING))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Read what is typed."""
        event.stop()
        if not self.display:
            return
        try:
            self.post_message(self.ChangedTo(parse_filter(event.value)))
        except FilterError as error:
            self.post_message(self.ChangedTo(None, str(error)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        event.stop()
        self._close()

    def action_leave(self) -> None:
        """Leave the filter as it was."""
        self.post_message(self.ChangedTo(parse_filter(self._before)))
        self._close()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Tell that a slash is typed here, too."""
        return key == "slash" or super().check_consume_key(key, character)

    def on_blur(self) -> None:
        """Close when the keys go elsewhere."""
        if self.display:
            self._close()

    def _close(self) -> None:
        self.display = False
        self.post_message(self.Closed())
