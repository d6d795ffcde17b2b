"""Inputs with suggestions: the line in which a filter is typed, and a choice among names."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Select

from coffeert.printable import printable
from coffeert.tui.model.filter import Filter, parse_filter
from coffeert.tui.model.filter_entry import (
    FilterEntry,
    Suggestion,
    Vocabulary,
    read_entry,
    suggestions,
)
from coffeert.tui.model.suggestions import MenuItem, best_matches, named_by
from coffeert.tui.render.key_line import KeyHint
from coffeert.tui.render.spans import Line, Span, line
from coffeert.tui.render.suggestions import suggestion_lines
from coffeert.tui.widgets.lines_view import LinesView
from coffeert.tui.widgets.panel import Painter

_ROWS = 5
_LOW = 20
"""On terminals with fewer lines, fewer suggestions show."""


class FilterInput(Input):
    """The line itself; Enter, Escape, Tab and the arrows are the `FilterBar`'s."""

    DEFAULT_CSS = """
    FilterInput { height: 1; border: none; padding: 0 1; background: $panel; color: $foreground; }
    FilterInput:focus { border: none; background: $panel; }
    """

    def __init__(self, bar: FilterBar, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(
            placeholder="store:uptown drink:latte price>5 -tea", id=id, max_length=200, compact=True
        )
        self._bar = bar

    def on_key(self, event: events.Key) -> None:
        """Handle the keys of the bar at once: one typed right after Enter is meant for the panels."""
        if not self._bar.display:
            event.stop()
            event.prevent_default()
            self.app.simulate_key(event.key)
        elif self._bar.press(event.key):
            event.stop()
            event.prevent_default()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return True for a slash, too: it is typed here and opens no other filter."""
        return key == "slash" or super().check_consume_key(key, character)

    def on_blur(self) -> None:
        """Close when the focus is moved elsewhere."""
        self._bar.hide()


class FilterBar(Vertical):
    """A filter that takes effect while it is typed, and below it what may be meant and what is not known.

    What is unfinished or names nothing limits nothing. Enter keeps the filter, Escape restores the one
    before, the arrows choose a suggestion and Tab takes it.
    """

    DEFAULT_CSS = """
    FilterBar {
        layer: over; dock: bottom; margin: 0 0 1 0; height: auto; background: $panel; display: none;
    }
    FilterBar LinesView { padding: 0 1; background: $panel; }
    """

    class FilterChanged(Message):
        """Another filter is to be shown."""

        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.wanted = wanted

    class Closed(Message):
        """Typing is over."""

    def __init__(self) -> None:
        super().__init__()
        self._vocabulary = Vocabulary()
        self._before = ""
        self._focused_before: Widget | None = None
        self._offered: list[Suggestion] = []
        self._at = 0

    def compose(self) -> ComposeResult:
        yield FilterInput(self, id="filter")
        yield LinesView(id="filter-hints")

    def open(self, text: str, vocabulary: Vocabulary) -> None:
        """Show the line over the key bar, with this text."""
        self._before, self._vocabulary = text, vocabulary
        self._focused_before = self.screen.focused
        field = self._input
        field.value = text
        field.cursor_position = len(text)
        self.display = True
        field.focus()
        self._suggest()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.FilterChanged(self._entry().wanted))
            self._suggest()

    def press(self, key: str) -> bool:
        """Do what a key means here; return whether it means anything."""
        if key in ("up", "down"):
            if self._offered:
                self._at = (self._at + (1 if key == "down" else -1)) % len(self._offered)
                self._show()
        elif key == "tab":
            self.complete()
        elif key == "enter":
            self.keep()
        elif key == "escape":
            self.leave()
        else:
            return False
        return True

    def key_hints(self) -> list[KeyHint]:
        """Return the keys of the line."""
        return [
            KeyHint("enter", "keep", "", 0),
            KeyHint("esc", "as before", "", 1),
            KeyHint("tab", "complete", "", 2),
            KeyHint("↑↓", "choose", "", 3),
        ]

    def complete(self) -> None:
        """Put the chosen suggestion into the line."""
        if self._offered:
            taken = self._offered[self._at]
            self._input.value = taken.text
            self._input.cursor_position = taken.cursor

    def keep(self) -> None:
        """Close, unless something in the line has no effect: the viewer sees what, and can correct it."""
        entry = self._entry()
        self.post_message(self.FilterChanged(entry.wanted))
        if entry.notes:
            self._show()
        else:
            self._close()

    def leave(self) -> None:
        self.post_message(self.FilterChanged(parse_filter(self._before)))
        self._close()

    def hide(self) -> None:
        """Close without moving the focus."""
        if self.display:
            self.display = False
            self.post_message(self.Closed())

    @property
    def _input(self) -> FilterInput:
        return self.query_one(FilterInput)

    def _entry(self) -> FilterEntry:
        return read_entry(self._input.value, self._vocabulary)

    def _suggest(self) -> None:
        field = self._input
        self._offered = suggestions(field.value, field.cursor_position, self._vocabulary)
        self._at = 0
        self._show()

    def _show(self) -> None:
        painter: Painter = self.app  # type: ignore[assignment]  # the app has what a painter needs
        rows = _ROWS if self.screen.size.height >= _LOW else 3
        offered = [(each.label, each.detail) for each in self._offered]
        lines: list[Line] = [
            line(Span(printable(note, 200), "warn")) for note in self._entry().notes[:2]
        ]
        lines += suggestion_lines(offered, self._at, rows, painter.glyphs)
        hints = self.query_one("#filter-hints", LinesView)
        hints.display = bool(lines)
        hints.show(lines)

    def _close(self) -> None:
        self.hide()
        self.screen.set_focus(self._focused_before)


class ChoiceInput(Input):
    """A name among many, found by typing a part of it: the arrows choose, Enter and Tab take."""

    class Offered(Message):
        """Other suggestions, or another chosen one, are to be shown in `lines` below the input."""

        def __init__(self, field: ChoiceInput, lines: Sequence[Line]) -> None:
            super().__init__()
            self.field = field
            self.lines = lines

    class Taken(Message):
        """A suggestion was taken."""

        def __init__(self, field: ChoiceInput) -> None:
            super().__init__()
            self.field = field

    def __init__(
        self,
        items: Sequence[MenuItem],
        value: str = "",
        *,
        id: str | None = None,  # noqa: A002 (Textual's own name)
    ) -> None:
        super().__init__(value, id=id, placeholder="type a part of its name", compact=True)
        self._items = items
        self._offered: list[MenuItem] = []
        self._at = 0

    def on_focus(self) -> None:
        self._suggest()

    def on_blur(self) -> None:
        self._offered = []
        self._show()

    def on_input_changed(self) -> None:
        """Narrow the suggestions; the form checks the text."""
        if self.has_focus:
            self._suggest()

    def on_key(self, event: events.Key) -> None:
        """Choose or take a suggestion; what is typed right after that is meant for the next field."""
        if self.screen.focused is not self:
            self.app.simulate_key(event.key)
        elif event.key in ("up", "down") and self._offered:
            self._at = (self._at + (1 if event.key == "down" else -1)) % len(self._offered)
            self._show()
        elif event.key in ("enter", "tab") and self._offered and (self.value or self._at):
            self._take()
        elif event.key == "down" and not self._offered:
            self._offered = list(self._items)
            self._at = 0
            self._show()
        else:
            return
        event.stop()
        event.prevent_default()

    def _take(self) -> None:
        taken = self._offered[self._at]
        known = named_by(taken.name, self._items) == [taken]
        with self.prevent(Input.Changed):
            self.value = printable(taken.name if known else taken.code, 200)
        self._offered = []
        self._show()
        self.screen.focus_next()
        self.post_message(self.Taken(self))

    def _suggest(self) -> None:
        exact = named_by(self.value, self._items)
        self._offered = [] if exact else best_matches(self.value, self._items)
        self._at = 0
        self._show()

    def _show(self) -> None:
        painter: Painter = self.app  # type: ignore[assignment]  # the app has what a painter needs
        offered = [(printable(item.name, 32), printable(item.code, 32)) for item in self._offered]
        self.post_message(
            self.Offered(self, suggestion_lines(offered, self._at, _ROWS, painter.glyphs))
        )


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
