"""The dashboard: all panels, placed by the layout, fed by a tick."""

from __future__ import annotations

import time
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType

from coffeert.tui.bindings import DASHBOARD_KEYS
from coffeert.tui.model.data_status import panel_age
from coffeert.tui.render.chart import METRICS
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.layout import NARROW, PanelName, arrange
from coffeert.tui.render.text import clean
from coffeert.tui.render.time_bar import bar_hint
from coffeert.tui.screens import view_models as models
from coffeert.tui.screens.keeping import Keeping
from coffeert.tui.screens.looking import Looking
from coffeert.tui.screens.selling import Selling
from coffeert.tui.screens.timing import Timing
from coffeert.tui.widgets.bars import ControlsBar, HeaderBar
from coffeert.tui.widgets.breakdown_panel import BreakdownModel, BreakdownPanel
from coffeert.tui.widgets.chart_panel import ChartPanel
from coffeert.tui.widgets.details_panel import DetailsModel, DetailsPanel
from coffeert.tui.widgets.engine_panel import SystemModel, SystemPanel
from coffeert.tui.widgets.filter_input import FilterInput
from coffeert.tui.widgets.gone import let_go_of_many
from coffeert.tui.widgets.key_bar import KeyBar
from coffeert.tui.widgets.kpi_strip import KpiStrip
from coffeert.tui.widgets.notice_panel import NoticeModel, NoticePanel
from coffeert.tui.widgets.order_table import OrderTable
from coffeert.tui.widgets.panel import Panel
from coffeert.tui.widgets.time_bar import TimeBar

TICK_SECONDS = 0.25
"""Four times a second: faster than one reads figures, slow enough to cost little."""


class Dashboard(Looking, Timing, Selling, Keeping):
    """Wires panels, choices and keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*DASHBOARD_KEYS]
    AUTO_FOCUS = ""
    CSS = """
    Dashboard { background: $background; layers: base over; }
    Dashboard > KeyBar { dock: bottom; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._ticked = 0.0

    def compose(self) -> ComposeResult:
        """Make every panel; the layout decides which of them show."""
        yield HeaderBar(id="header")
        yield ControlsBar(id="controls")
        yield KpiStrip(id="kpi")
        yield ChartPanel(id="chart-orders")
        yield ChartPanel(id="chart-revenue")
        yield BreakdownPanel(id="breakdown")
        yield OrderTable(id="orders")
        yield DetailsPanel(id="details")
        yield SystemPanel(id="engine")
        yield TimeBar(id="bar")
        yield NoticePanel(id="notice")
        yield FilterInput(id="filter")
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin to tick."""
        self.place_panels()
        self.set_interval(TICK_SECONDS, self.tick)
        self.call_after_refresh(self._warm_charts)

    def on_resize(self) -> None:
        """Place the panels for the new size."""
        self.query_one(KeyBar).show_command_palette = self.size.width >= NARROW
        self.place_panels()
        self.tick()

    def wake(self, *, urgent: bool) -> None:
        """Show news at once, if nothing was shown just now or somebody waits for them.

        So a single order is on the screen in milliseconds, while a flood costs four repaints a second.
        """
        if urgent or time.monotonic() - self._ticked >= TICK_SECONDS:
            self._ticked = time.monotonic()
            self.call_next(self.tick)

    def tick(self) -> None:
        """Show the moment; panels whose model has not changed cost nothing."""
        if not self.app.is_running:
            return  # news that come while the panels are being taken down
        self._ticked = time.monotonic()
        let_go_of_many()
        board = self.coffeert.board
        scene = board.scene()
        empty = scene.view is None
        notice = self.query_one(NoticePanel)
        if notice.display != empty:
            self.place_panels()
        self.watch_alerts()
        self.query_one(HeaderBar).show(models.header(board, scene, self.coffeert.place_name))
        app, bar = self.coffeert, self.query_one(TimeBar)
        going = None if app.injection is None else app.injection.model()
        track = models.bar(board, app.recorder, going)
        hint = "" if bar.display else bar_hint(track)
        controls = models.controls(board, scene, self.complaint, app.alerts, hint)
        self.query_one(ControlsBar).show(controls)
        if empty:
            notice.show(NoticeModel(scene.truth, self.coffeert.url))
            return
        self._show_figures(scene)
        self._show_orders(scene)
        if bar.display:
            bar.show(track)
        if board.rewound_to is None and self.query_one(KpiStrip).display:
            self._note_painted()

    def _show_figures(self, scene: FrameContext) -> None:
        board, old, age = self.coffeert.board, scene.truth.old, panel_age(scene.truth)
        if (kpi := self.query_one(KpiStrip)).display:
            kpi.show(models.tiles(board, scene), old=old, age=age)
        for metric in METRICS:
            panel = self.query_one(f"#chart-{metric}", ChartPanel)
            model = models.chart(board, scene, metric, self.coffeert.alerts.rules())
            if panel.display and model is not None:
                panel.show(model, old=old, age=age)
        if (breakdown := self.query_one(BreakdownPanel)).display:
            crumbs = tuple(clean(code, 40) for code in board.crumbs)
            below = BreakdownModel(models.sections(board, scene), crumbs)
            breakdown.show(below, old=old, age=age)
        if (engine := self.query_one(SystemPanel)).display:
            engine.show(SystemModel(models.engine(board, scene), models.mode(board)), old=old)

    def _show_orders(self, scene: FrameContext) -> None:
        board, old, age = self.coffeert.board, scene.truth.old, panel_age(scene.truth)
        table = self.query_one(OrderTable)
        if table.display:
            table.show(board.orders(), old=old, age=age)
        if (details := self.query_one(DetailsPanel)).display:
            row = table.chosen_row
            mine = tuple(board.session.own.newest()[:30])
            order = None if row is None else row.order
            own = None if row is None else row.own
            details.show(DetailsModel(order, own, mine, scene.zone))

    def _note_painted(self) -> None:
        """Note own orders that are on the screen with the next paint, if only in the figures.

        In a rush the rows shown are others before anybody could see them.
        """
        session = self.coffeert.session
        if fresh := session.own.unpainted():
            self.call_after_refresh(lambda: session.own.paint(fresh, session.clock.monotonic()))

    def _warm_charts(self) -> None:
        for chart in self.query(ChartPanel):
            chart.warm()

    def place_panels(self) -> None:
        """Put the panels where the layout says."""
        board = self.coffeert.board
        width, height = self.size.width, self.size.height
        if width <= 0 or height <= 0:
            return
        empty = board.view() is None
        places = arrange(width, height, board.tab, charts=board.metric)
        for panel in self.query(Panel):
            name = cast("PanelName", panel.id)
            place = places.get(name)
            if empty and name not in ("header", "controls"):
                place = None
            if panel.id == "notice":
                top = 2 if "controls" in places else 1
                panel.display = empty
                _put(panel, 0, top, width, max(1, height - top - 1))
            else:
                panel.display = place is not None
                if place is not None:
                    _put(panel, *place)
        if self.focused is not None and not self.focused.display:
            self.set_focus(None)
        if self.focused is None and not empty:
            self._focus_something()

    def _focus_something(self) -> None:
        for name in ("orders", "breakdown", "chart-orders"):
            panel = self.query_one(f"#{name}")
            if panel.display:
                panel.focus()
                return


def _put(panel: Panel[object], x: int, y: int, width: int, height: int) -> None:
    panel.styles.offset = (x, y)
    panel.styles.width = width
    panel.styles.height = height
