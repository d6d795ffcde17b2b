"""A line in which a past moment is typed."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input

from coffeert.tui.model.moment_text import MomentError, parse_moment
from coffeert.tui.render.spans import Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView


class GoTo(Modal[datetime]):
    """Asks for a moment before `now`, whose zone it is in; Enter goes there."""

    AUTO_FOCUS = "Input"
    CSS = """
    GoTo > .box { width: 64; }
    GoTo Input { border: none; height: 1; padding: 0; }
    """

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = now

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = "Show another time"
            yield Input(placeholder="yesterday 14:00", max_length=60, compact=True)
            yield LinesView([line(Span("14:00, thu 9:30, 26 nov 18:00, 2 hours ago", "dim"))])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the moment, or say why it cannot be read."""
        event.stop()
        try:
            self.dismiss(parse_moment(event.value, self._now))
        except MomentError as error:
            self.notify(str(error), severity="warning", markup=False)
