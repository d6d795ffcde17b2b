"""The keys of the moment, in the last line."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Footer


class KeyBar(Footer):
    """A footer that forgets the keys it no longer shows, and keeps those that it goes on showing.

    Textual's own makes its keys anew whenever the bindings change or the focus moves, and watches
    `compact` on behalf of each; those that are gone are dropped only when `compact` changes, which it
    never does here.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=True, compact=True)
        self._shown: tuple[object, ...] = ()

    def watch_show_command_palette(self) -> None:
        """Show or hide the palette's key at once."""
        if self.is_mounted:
            self.bindings_changed(self.screen)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Show the keys of now, and let go of the others."""
        if not (screen.app.app_focus and self.is_attached and screen is self.screen):
            return
        keys = [
            (binding.key, binding.description, enabled, tooltip)
            for _, binding, enabled, tooltip in screen.active_bindings.values()
            if binding.show
        ]
        shown = (self.show_command_palette, *keys)
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)
            self.call_after_refresh(self.mutate_reactive, Footer.compact)
