"""Lines with roles in a dialogue, as high as they need."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from coffeert.printable import printable
from coffeert.tui.render.spans import Line
from coffeert.tui.widgets.panel import Painter


class LinesView(Static):
    """Shows lines that `render/` returns."""

    DEFAULT_CSS = """
    LinesView { height: auto; width: 1fr; background: transparent; }
    """

    def __init__(
        self,
        lines: Sequence[Line] = (),
        *,
        id: str | None = None,  # noqa: A002 (Textual's own name)
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._lines = tuple(lines)

    def on_mount(self) -> None:
        self.show(self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        self._lines = tuple(lines)
        painter: Painter = self.app  # type: ignore[assignment]  # the app has what a painter needs
        text = Text(no_wrap=False, end="")
        for number, spans in enumerate(lines):
            if number:
                text.append("\n")
            for span in spans:
                safe = span.text if span.text.isprintable() else printable(span.text, 10_000)
                style = painter.palette.style(span.role)
                # The dialogue has a background of its own.
                text.append(safe, Style(color=style.color, bold=style.bold))
        self.update(text)
