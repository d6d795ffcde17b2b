"""The keys of the moment, in the last line."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Footer

from coffeert.tui.textual_workarounds import drop_removed_keys


class KeyBar(Footer):
    """A footer that makes its keys again only when other keys are to be shown.

    Textual's own does so whenever the focus moves, which costs a layout of the last line at each key
    press, and never lets go of the keys that it replaced.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=True, compact=True)
        self._shown: tuple[object, ...] = ()

    def watch_show_command_palette(self) -> None:
        """Show or hide the palette's key at once."""
        if self.is_mounted:
            self.bindings_changed(self.screen)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Show the screen's keys, if they are not those shown already."""
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
            self.call_after_refresh(drop_removed_keys, self)
