"""Export: asks for a kind of file, and writes what is shown into a new one."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, assert_never

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from coffeert.errors import ConfigError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.render.export import orders_csv, window_json
from coffeert.tui.render.spans import EMPTY, Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView

ExportKind = Literal["csv", "json", "svg"]


class Export(Modal[ExportKind]):
    """Asks for a kind of file; one key answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "choose('csv')", "CSV", id="export.csv", tooltip="The orders listed, as CSV"),
        Binding(
            "j", "choose('json')", "JSON", id="export.json", tooltip="The window's sums, as JSON"
        ),
        Binding("s", "choose('svg')", "SVG", id="export.svg", tooltip="A picture of the screen"),
    ]
    CSS = """
    Export > .box { width: 54; }
    """

    def compose(self) -> ComposeResult:
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

    def action_choose(self, kind: ExportKind) -> None:
        self.dismiss(kind)


def write_export(state: DashboardState, kind: ExportKind, screenshot: str) -> Path:
    """Write what is shown into a new file of the working directory; raises `ConfigError`."""
    path = Path(f"coffeert-{state.session.now():%Y%m%d-%H%M%S}.{kind}")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_text(state, kind, screenshot))
    except FileExistsError:
        raise ConfigError(f"{path} exists already; nothing was written.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None
    return path


def _text(state: DashboardState, kind: ExportKind, screenshot: str) -> str:
    match kind:
        case "csv":
            return orders_csv(state.orders().orders, state.session.places)
        case "json":
            window = state.frame_context().window
            if window is None:
                return ""
            return window_json(window, state.effective_filter.text(), state.session.places)
        case "svg":
            return screenshot
        case _:
            assert_never(kind)
