"""A line in which the days to show are typed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input

from coffeert.tui.model.window import Range, chosen_days
from coffeert.tui.render.spans import Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView


class ChooseDays(Modal[Range]):
    """Asks for a period as `coffeert report` takes it; Enter shows it."""

    AUTO_FOCUS = "Input"
    CSS = """
    ChooseDays > .box { width: 64; }
    ChooseDays Input { border: none; height: 1; padding: 0; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = "Show other days"
            yield Input(placeholder="2026-11-20..2026-11-26", max_length=30, compact=True)
            yield LinesView([line(Span("a date, a month (2026-11), FROM..TO, last-week", "dim"))])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Show the days, or say why they cannot be read."""
        event.stop()
        try:
            self.dismiss(chosen_days(event.value.strip()))
        except ValueError as error:
            self.notify(f"The period {error}.", severity="warning", markup=False)
