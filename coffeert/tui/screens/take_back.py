"""Taking made-up orders back: asks before it is done."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from coffeert.tui.render.spans import EMPTY, Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView


class TakeBack(Modal[str]):
    """Closes with the run to take back, or with `None`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", "yes", id="take_back.yes", tooltip="Void the orders of the run"),
        Binding("n", "close", "no", id="take_back.no", tooltip="Leave them"),
    ]
    CSS = """
    TakeBack > .box { width: 60; }
    """

    def __init__(self, run: str, server: str) -> None:
        super().__init__()
        self._run = run
        self._server = server

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = "Take made-up orders back"
            yield LinesView(
                [
                    line("Void all made-up orders of the last run?"),
                    line(Span(f"{self._run} at {self._server}", "dim")),
                    EMPTY,
                    line(Span("y", "key"), "  yes    ", Span("n", "key"), "  no"),
                ]
            )

    def action_confirm(self) -> None:
        self.dismiss(self._run)
