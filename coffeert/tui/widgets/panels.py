"""The panels that only show something: key figures, parts of the server, details, the first notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from math import inf
from time import monotonic
from typing import Final

from textual import events
from textual.timer import Timer

from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.model.order_traces import OrderTrace
from coffeert.tui.render.details import order_lines, own_lines
from coffeert.tui.render.heat_map import HeatMapModel, draw_heat_map
from coffeert.tui.render.heat_map import note_of as heat_note
from coffeert.tui.render.kpi import (
    Tile,
    big_tiles,
    orders_since,
    strip_tiles,
    tile_list,
    tiles_between,
)
from coffeert.tui.render.layout import KPI_BIG, NARROW
from coffeert.tui.render.motion import REST_SECONDS, STEP_SECONDS, STEPS
from coffeert.tui.render.notice import notice_lines
from coffeert.tui.render.orders import OrderRow
from coffeert.tui.render.sentence import Summary, sentence_lines
from coffeert.tui.render.spans import EMPTY, Line, Span, framed, line
from coffeert.tui.render.system_panel import Part, draw_system
from coffeert.tui.widgets.panel import Panel

_FEW: Final = 10


class KpiStrip(Panel[tuple[Tile, ...]]):
    """Key figures: in big digits, side by side, or one a line, depending on the room.

    Big digits move to the new figures after a few orders; after many, or if others are shown, they do not.
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self._from: tuple[Tile, ...] = ()
        self._step = STEPS
        self._changed = -inf
        self._moving: Timer | None = None

    def show(self, model: tuple[Tile, ...], *, old: bool = False, age: Line = ()) -> None:
        """Show a model; `old` dims it, `age` says how old it is."""
        before = self.model or ()
        if before and before != model:
            self._stop()
            grown, moment = orders_since(before, model), monotonic()
            if grown:
                rested, self._changed = moment - self._changed >= REST_SECONDS, moment
                if rested and not old and self._are_big and 0 < grown <= _FEW:
                    self._from, self._step = before, 0
                    self._moving = self.set_interval(STEP_SECONDS, self._move)
        super().show(model, old=old, age=age)

    @property
    def _are_big(self) -> bool:
        return self.painter.animated and self.size.height >= KPI_BIG and self.size.width >= NARROW

    def _move(self) -> None:
        self._step += 1
        if self._step >= STEPS:
            self._stop()
        self.repaint()

    def _stop(self) -> None:
        self._step = STEPS
        if self._moving is not None:
            self._moving.stop()
            self._moving = None

    def draw(self, model: tuple[Tile, ...], cells: int, rows: int) -> list[Line]:
        glyphs = self.painter.glyphs
        if not model:
            return []
        if cells < NARROW:
            return tile_list(model, cells, rows, glyphs)
        if rows >= KPI_BIG:
            if self._step < STEPS:
                model = tiles_between(self._from, model, self._step / STEPS)
            return big_tiles(model, cells, glyphs)
        return strip_tiles(model, cells, glyphs)


class SentencePanel(Panel[Summary]):
    """How the day goes, in words."""

    def draw(self, model: Summary, cells: int, rows: int) -> list[Line]:
        return [line(" ", Span(text, "text")) for text in sentence_lines(model, cells - 2, rows)]


class HeatMapPanel(Panel[HeatMapModel], can_focus=True):
    """The usual week by weekday and hour."""

    def draw(self, model: HeatMapModel, cells: int, rows: int) -> list[Line]:
        glyphs = self.painter.glyphs
        return framed(
            draw_heat_map(model, cells - 2, rows - 2, glyphs),
            cells,
            rows,
            glyphs,
            title=line(Span(model.title, "title")),
            foot=heat_note(model),
            focused=self.has_focus,
        )

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            self.enlarge()
            event.stop()


@dataclass(frozen=True, slots=True)
class SystemModel:
    """Parts of the server; `mode` says how current its frames are."""

    parts: tuple[Part, ...]
    mode: str


class SystemPanel(Panel[SystemModel]):
    """The parts of the server, and how close each is to its limit."""

    def draw(self, model: SystemModel, cells: int, rows: int) -> list[Line]:
        return draw_system(model.parts, cells, rows, self.painter.glyphs, model.mode)


@dataclass(frozen=True, slots=True)
class DetailsModel:
    """The chosen order with its trace, and the viewer's own orders (`mine`)."""

    row: OrderRow | None
    mine: tuple[OrderTrace, ...]
    zone: tzinfo
    places: int


class DetailsPanel(Panel[DetailsModel]):
    """Everything about the order under the cursor, and the viewer's own orders."""

    def draw(self, model: DetailsModel, cells: int, rows: int) -> list[Line]:
        glyphs = self.painter.glyphs
        body: list[Line] = []
        if model.row is not None:
            body += order_lines(model.row, model.zone, glyphs, model.places)
        body += [
            EMPTY,
            line(Span("Your orders", "title"), Span("  ms: stored > sent > on screen", "dim")),
        ]
        body += own_lines(model.mine, cells - 4, glyphs)
        padded = [(Span(" "), *row) for row in body]
        return framed(padded, cells, rows, glyphs, title=line(Span("Details", "title")))


@dataclass(frozen=True, slots=True)
class NoticeModel:
    """The status of the connection, and the URL of the server."""

    data_status: DataStatus
    url: str


class NoticePanel(Panel[NoticeModel]):
    """Stands in for all other panels before the first data, and says what to type."""

    def draw(self, model: NoticeModel, cells: int, rows: int) -> list[Line]:
        lines = notice_lines(model.data_status, model.url, cells, self.painter.glyphs)
        above = max(0, (rows - len(lines)) // 3)
        return [EMPTY] * above + lines
