"""Jump mode: every panel gets a letter."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widgets import Static

LETTERS = "asdfghjkl"


class Jump(ModalScreen[str]):
    """Closes with the panel whose letter is pressed, or with `None` on any other key."""

    CSS = """
    Jump { background: $background 40%; }
    Jump > Static {
        position: absolute; width: 3; height: 1; background: $accent; color: $background;
        text-style: bold; content-align: center middle;
    }
    """

    def __init__(self, panels: Sequence[tuple[str, Offset]]) -> None:
        super().__init__()
        self._panels = dict(zip(LETTERS, panels, strict=False))

    def compose(self) -> ComposeResult:
        for letter, (_, offset) in self._panels.items():
            label = Static(letter)
            label.styles.offset = (offset.x + 2, offset.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        found = self._panels.get(event.key)
        self.dismiss(None if found is None else found[0])
