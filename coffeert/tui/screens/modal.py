"""The base of all dialogues: a box that fits every terminal, and its keys in the last line."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from coffeert.tui.bindings import readable
from coffeert.tui.render.key_line import KeyHint
from coffeert.tui.widgets.key_bar import KeyBar

Answer = TypeVar("Answer")


class Modal(ModalScreen[Answer]):
    """A box over the dashboard; Escape closes it.

    The last line shows `KEYS`, which are handled by what the dialogue holds, and the bindings to be shown.
    """

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape", "close", "close", id="dialogue.close", tooltip="Close without doing anything"
        )
    ]
    DEFAULT_CSS = """
    Modal { align: center middle; background: $background 60%; }
    Modal > .box {
        width: 72; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $accent; border-title-color: $accent;
        border-title-style: bold; padding: 0 1; scrollbar-size-vertical: 1;
    }
    Modal Input:focus, Modal Select:focus SelectCurrent { text-style: underline; }
    """

    def on_mount(self) -> None:
        """Show the keys of this dialogue. Textual calls `on_mount` of every class."""
        bar = KeyBar()
        self.mount(bar)
        bar.show(tuple(self.key_hints()))

    def key_hints(self) -> list[KeyHint]:
        """Return the keys of this dialogue; what is left out first stands last, but for Escape."""
        hints = [KeyHint(key, text, "", rank) for rank, (key, text) in enumerate(self.KEYS, 1)]
        seen: set[str | None] = {None}
        for _, binding, _, _ in self.active_bindings.values():
            if binding.show and binding.id not in seen:  # one with two keys is listed once
                seen.add(binding.id)
                rank = 0 if binding.action == "close" else len(hints) + 1
                key = readable(binding.key.partition(",")[0])
                hints.append(KeyHint(key, binding.description, binding.action, rank))
        return hints

    def action_close(self) -> None:
        self.dismiss()
