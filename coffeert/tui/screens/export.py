"""Export: asks for a kind of file, and writes what is shown into a new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Literal, TextIO

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from coffeert.errors import CoffeertError, ConfigError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.source import Archive
from coffeert.tui.render.export import window_json
from coffeert.tui.render.orders import count_text
from coffeert.tui.render.spans import EMPTY, Span, line
from coffeert.tui.screens.modal import Modal
from coffeert.tui.widgets.lines_view import LinesView
from coffeert.wire.order_csv import HEADING, csv_rows

ExportKind = Literal["csv", "json", "svg"]


class Export(Modal[ExportKind]):
    """Asks for a kind of file; one key answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "c", "choose('csv')", "CSV", id="export.csv", tooltip="All orders that match, as CSV"
        ),
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
                    line(Span("c", "key"), "  CSV   all orders that match what is listed"),
                    line(Span("j", "key"), "  JSON  the window's sums by bucket, store, drink"),
                    line(Span("s", "key"), "  SVG   a picture of the screen"),
                    EMPTY,
                    line(Span("into a new file in this directory; esc: none", "dim")),
                ]
            )

    def action_choose(self, kind: ExportKind) -> None:
        self.dismiss(kind)


async def export_orders(state: DashboardState, archive: Archive | None) -> str:
    """Write all orders that match what is listed as CSV into a new file; say how many there are.

    They come from the server. If it cannot answer, those that are listed are written, and the text says of
    how many. Raises `ConfigError` if the file cannot be written, `CoffeertError` if the export broke off.
    """
    model, search = state.orders(), state.order_search()
    with _new_file(state, "csv") as file:
        if archive is None or search is None or not search.complete:
            file.write(HEADING + csv_rows(model.orders, model.places))
            return f"Wrote {count_text(model)} orders into {file.name}."
        rows = -1  # the heading
        try:
            async for piece in archive.orders_csv(search.query):
                rows += piece.count(b"\n")
                file.buffer.write(piece)
        except CoffeertError as error:
            whole = "" if model.listed.total is None else f" of {model.listed.total:,} orders"
            raise CoffeertError(
                f"{file.name} has only {max(rows, 0):,} rows{whole}: {error}"
            ) from error
        return f"Wrote {rows:,} rows into {file.name}: all orders that match, and their voids."


def write_export(state: DashboardState, kind: Literal["json", "svg"], screenshot: str) -> Path:
    """Write what is shown into a new file of the working directory; raises `ConfigError`."""
    window = state.frame_context().window
    if kind == "json" and window is None:
        raise ConfigError("There are no figures to write.")
    with _new_file(state, kind) as file:
        if kind == "svg":
            file.write(screenshot)
        elif window is not None:
            wanted, places = state.effective_filter.text(), state.session.places
            file.write(window_json(window, wanted, places))
    return Path(file.name)


@contextmanager
def _new_file(state: DashboardState, kind: ExportKind) -> Iterator[TextIO]:
    path = Path(f"coffeert-{state.session.now():%Y%m%d-%H%M%S}.{kind}")
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            yield file
    except FileExistsError:
        raise ConfigError(f"{path} exists already; nothing was written.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None
