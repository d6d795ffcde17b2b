"""The choice of what to write into a file."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from coffeert.tui.render.spans import EMPTY, Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView

ExportKind = Literal["csv", "json", "svg"]


class Export(Modal[ExportKind]):
    """Asks for a kind of file by one key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "take('csv')", "CSV", id="export.csv", tooltip="The orders listed, as CSV"),
        Binding(
            "j", "take('json')", "JSON", id="export.json", tooltip="The window's sums, as JSON"
        ),
        Binding("s", "take('svg')", "SVG", id="export.svg", tooltip="A picture of the screen"),
    ]
    CSS = """
    Export > .box { width: 54; }
    """

    def compose(self) -> ComposeResult:
        """Lay out the choices."""
        with VerticalScroll(classes="box") as box:
            box.border_title = "Export what is shown"
            yield LinesView(
                [
                    line(Span("c", "key"), "  CSV   the orders listed, filtered as they are"),
                    line(Span("j", "key"), "  JSON  the window's sums by bucket, store, drink"),
                    line(Span("s", "key"), "  SVG   a picture of the screen"),
                    EMPTY,
                    line(Span("into a new file in this directory; esc: none", "dim")),
                ]
            )

    def action_take(self, kind: ExportKind) -> None:
        """Answer."""
        self.dismiss(kind)
