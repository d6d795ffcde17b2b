"""A choice among a few: opens when one begins to type what one looks for."""

from __future__ import annotations

from textual import events
from textual.widgets import OptionList, Select


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
