"""Breaking the demo: asks which part to kill."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from coffeert.tui.render.spans import EMPTY, Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView
from coffeert.wire.demo import BreakablePart


class BreakPart(Modal[BreakablePart]):
    """One key answers; escape kills nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "choose('postgres')", "PostgreSQL", id="break.postgres", tooltip="Kill it"),
        Binding("r", "choose('redis')", "Redis", id="break.redis", tooltip="Kill it"),
        Binding("s", "choose('server')", "server", id="break.server", tooltip="Kill it"),
    ]
    CSS = """
    BreakPart > .box { width: 62; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = "Break something (kill -9)"
            yield LinesView(
                [
                    line(Span("p", "key"), "  PostgreSQL  which stores every order"),
                    line(Span("r", "key"), "  Redis       which tells servers what is new"),
                    line(Span("s", "key"), "  the server  which this screen is connected to"),
                    EMPTY,
                    line(Span("Orders go on arriving, faster than usual. Afterwards each", "dim")),
                    line(Span("one is looked for and counted. esc: break nothing", "dim")),
                ]
            )

    def action_choose(self, part: BreakablePart) -> None:
        self.dismiss(part)
