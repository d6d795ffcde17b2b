"""The panel: a widget that paints the lines of a pure function, and only those that changed."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Generic, Protocol, TypeVar, cast

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from coffeert.printable import printable
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.palette import Palette
from coffeert.tui.render.spans import Line, fit_line
from coffeert.tui.render.text import ELLIPSIS, width

Model = TypeVar("Model")

_OLD = Style(dim=True)


class Painter(Protocol):
    """What panels need of the app that they run in."""

    glyphs: Glyphs

    @property
    def animated(self) -> bool:
        """Whether what has just changed is seen to do so."""
        ...

    @property
    def palette(self) -> Palette:
        """The styles of the theme in use."""
        ...


class Panel(Widget, Generic[Model]):
    """Shows a model given by `show`; what the user does goes up as messages."""

    DEFAULT_CSS: ClassVar[str] = """
    Panel { position: absolute; width: 1; height: 1; background: transparent; }
    """
    ALLOW_SELECT = False

    class Enlarged(Message):
        """The title of the panel was chosen."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.model: Model | None = None
        self.old = False
        self.age: Line = ()
        self._strips: list[Strip] = []

    @property
    def painter(self) -> Painter:
        """The app, which has glyphs and a palette."""
        return cast("Painter", self.app)

    def show(self, model: Model, *, old: bool = False, age: Line = ()) -> None:
        """Show a model; `old` dims it, `age` says how old it is. Costs nothing if nothing changed."""
        if model == self.model and old == self.old and age == self.age and self._strips:
            return
        self.model, self.old, self.age = model, old, age
        self.repaint()

    @abstractmethod
    def draw(self, model: Model, cells: int, rows: int) -> list[Line]:
        """Return the model as at most `rows` lines of `cells` cells."""

    def repaint(self) -> None:
        """Draw again, and refresh the lines that differ."""
        cells, rows = self.size.width, self.size.height
        if cells <= 0 or rows <= 0:
            self._strips = []
            return
        lines = [] if self.model is None else self.draw(self.model, cells, rows)
        before, self._strips = (
            self._strips,
            [self._strip(lines[y] if y < len(lines) else (), cells) for y in range(rows)],
        )
        if len(before) != rows:
            self.refresh()
            return
        changed = [y for y in range(rows) if before[y] != self._strips[y]]
        if changed:
            self.refresh(*(Region(0, y, cells, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        """Return a line as painted last."""
        if y < len(self._strips):
            return self._strips[y]
        return self._strip((), self.size.width)

    def on_resize(self) -> None:
        self._strips = []
        self.repaint()

    def enlarge(self) -> None:
        """Ask for the whole screen, or for the others to come back."""
        self.post_message(self.Enlarged(str(self.id)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Treat a click on the title as a request to see more."""
        if event.y == 0 and self.can_focus:
            self.enlarge()

    def notify_style_update(self) -> None:
        """Draw again: the theme may have changed."""
        super().notify_style_update()
        if self.is_mounted:
            self._strips = []
            self.repaint()

    def watch_has_focus(self, focused: bool) -> None:
        """Draw the frame of the panel that has the keys in another colour."""
        super().watch_has_focus(focused)
        self.repaint()

    def _strip(self, spans: Line, cells: int) -> Strip:
        palette, ellipsis = self.painter.palette, self.painter.glyphs.ellipsis
        segments = []
        length = 0
        for text, role, is_chosen in fit_line(spans, cells):
            style = palette.style(role, chosen=is_chosen)
            # Text from the network is made printable in `render/`; this catches what was forgotten there.
            safe = text if text.isprintable() else printable(text, 10_000)
            if ellipsis != ELLIPSIS:
                safe = safe.replace(ELLIPSIS, ellipsis)
            segments.append(Segment(safe, style + _OLD if self.old else style))
            length += width(safe)
        return Strip(segments, length).adjust_cell_length(cells, palette.style("text"))
