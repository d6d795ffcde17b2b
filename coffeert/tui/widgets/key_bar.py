"""The keys of the moment, in the last line."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Footer


class KeyBar(Footer):
    """A footer that forgets the keys it no longer shows.

    Textual's own makes its keys anew whenever the bindings change, and watches `compact` on behalf of
    each; those that are gone are dropped only when `compact` changes, which it never does here.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=True, compact=True)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Show the keys of now, and let go of the others."""
        super().bindings_changed(screen)
        self.call_after_refresh(self.mutate_reactive, Footer.compact)
