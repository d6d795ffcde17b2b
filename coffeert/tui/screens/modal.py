"""The base of all dialogues: a box in the middle that fits every terminal."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

Answer = TypeVar("Answer")


class Modal(ModalScreen[Answer]):
    """A box over the dashboard; Escape closes it."""

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

    def action_close(self) -> None:
        self.dismiss()
