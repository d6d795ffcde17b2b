"""The dashboard: all panels, placed by the layout, fed by a tick."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Footer

from coffeert.errors import CoffeertError
from coffeert.order import Draft, text_from_cents
from coffeert.tui.bindings import DASHBOARD_KEYS, readable
from coffeert.tui.present import models
from coffeert.tui.present.layout import NARROW, PanelName, TabName, arrange
from coffeert.tui.present.ranges import RANGE, beside
from coffeert.tui.present.scene import Scene
from coffeert.tui.present.truth import panel_age
from coffeert.tui.screens.help import Help
from coffeert.tui.screens.order_details import OrderDetails
from coffeert.tui.screens.order_form import OrderForm
from coffeert.tui.text import clean
from coffeert.tui.widgets.bars import ControlsBar, HeaderBar
from coffeert.tui.widgets.breakdown_panel import BreakdownModel, BreakdownPanel
from coffeert.tui.widgets.chart_panel import ChartPanel
from coffeert.tui.widgets.details_panel import DetailsModel, DetailsPanel
from coffeert.tui.widgets.engine_panel import EngineModel, EnginePanel
from coffeert.tui.widgets.filter_input import FilterInput
from coffeert.tui.widgets.kpi_strip import KpiStrip
from coffeert.tui.widgets.notice_panel import NoticeModel, NoticePanel
from coffeert.tui.widgets.order_table import OrderTable
from coffeert.tui.widgets.panel import Panel
from coffeert.tui.widgets.time_bar import TimeBar

if TYPE_CHECKING:
    from coffeert.tui.app import CoffeertApp

TICK_SECONDS = 0.25
"""Four times a second: faster than one reads figures, slow enough to cost little."""


class Dashboard(Screen[None]):
    """Wires panels, choices and keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*DASHBOARD_KEYS]
    AUTO_FOCUS = ""
    CSS = """
    Dashboard { background: $background; layers: base over; }
    Dashboard > Footer { dock: bottom; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._complaint = ""
        self._ticked = 0.0

    @property
    def coffeert(self) -> CoffeertApp:
        """The app."""
        return cast("CoffeertApp", self.app)

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
        yield EnginePanel(id="engine")
        yield TimeBar(id="bar")
        yield NoticePanel(id="notice")
        yield FilterInput(id="filter")
        yield Footer(show_command_palette=True, compact=True)

    def on_mount(self) -> None:
        """Begin to tick."""
        self._place()
        self.set_interval(TICK_SECONDS, self.tick)
        self.call_after_refresh(self._warm_charts)

    def on_resize(self) -> None:
        """Place the panels for the new size."""
        self.query_one(Footer).show_command_palette = self.size.width >= NARROW
        self._place()
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
        self._ticked = time.monotonic()
        board = self.coffeert.board
        scene = board.scene()
        empty = scene.view is None
        notice = self.query_one(NoticePanel)
        if notice.display != empty:
            self._place()
        self.query_one(HeaderBar).show(models.header(board, scene, self.coffeert.place_name))
        self.query_one(ControlsBar).show(models.controls(board, scene, self._complaint))
        if empty:
            notice.show(NoticeModel(scene.truth, self.coffeert.url))
            return
        self._show_figures(scene)
        self._show_orders(scene)
        if (bar := self.query_one(TimeBar)).display:
            bar.show(models.bar(board, self.coffeert.recorder))

    def _show_figures(self, scene: Scene) -> None:
        board, old, age = self.coffeert.board, scene.truth.old, panel_age(scene.truth)
        if (kpi := self.query_one(KpiStrip)).display:
            kpi.show(models.tiles(board, scene), old=old, age=age)
        for name, metric in (("chart-orders", "orders"), ("chart-revenue", "revenue")):
            panel = self.query_one(f"#{name}", ChartPanel)
            model = models.chart(board, scene, "orders" if metric == "orders" else "revenue")
            if panel.display and model is not None:
                panel.show(model, old=old, age=age)
        if (breakdown := self.query_one(BreakdownPanel)).display:
            crumbs = tuple(clean(code, 40) for code in board.crumbs)
            below = BreakdownModel(models.sections(board, scene), crumbs)
            breakdown.show(below, old=old, age=age)
        if (engine := self.query_one(EnginePanel)).display:
            engine.show(EngineModel(models.engine(board, scene), models.mode(board)), old=old)

    def _show_orders(self, scene: Scene) -> None:
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

    def _warm_charts(self) -> None:
        for chart in self.query(ChartPanel):
            chart.warm()

    def _place(self) -> None:
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

    # What the viewer does.

    def action_tab(self, tab: TabName) -> None:
        """Show another tab."""
        self.coffeert.board.tab = tab
        self._place()
        self.tick()

    def action_range(self, step: int) -> None:
        """Show a longer or shorter range."""
        board = self.coffeert.board
        board.span = beside(board.span, step)
        board.cursor = None
        self.tick()

    def action_metric(self) -> None:
        """Chart the other metric where only one fits."""
        board = self.coffeert.board
        board.metric = "revenue" if board.metric == "orders" else "orders"
        self._place()
        self.tick()

    def action_freeze(self) -> None:
        """Stop the list of orders, or let it follow again."""
        board = self.coffeert.board
        board.freeze(on=not board.frozen)
        self.tick()

    def action_rise(self) -> None:
        """Leave the innermost store or drink."""
        if self.coffeert.board.rise():
            self.tick()

    def action_escape(self) -> None:
        """Go one step back: crosshair, freeze, drill, filter."""
        board = self.coffeert.board
        if board.rewound_to is not None:
            board.go_live()
        elif board.cursor is not None:
            board.cursor = None
        elif board.frozen:
            board.freeze(on=False)
        elif not board.rise() and board.filter:
            self.query_one(FilterInput).clear_filter()
        self.tick()

    def action_scrub(self, seconds: float) -> None:
        """Go back or forth in time."""
        if not self.coffeert.board.scrub(seconds) and seconds < 0:
            self.notify("There is nothing to rewind yet.", severity="warning")
        self.tick()

    def action_live(self) -> None:
        """Show what is now."""
        self.coffeert.board.go_live()
        self.tick()

    def action_record(self) -> None:
        """Start or stop recording."""
        recorder = self.coffeert.stop_recording()
        if recorder is not None:
            self.notify(f"Recorded {recorder.orders:,} orders into {recorder.path}.", markup=False)
            return
        path = Path(f"coffeert-{self.coffeert.session.now():%Y%m%d-%H%M%S}.ndjson")
        try:
            self.coffeert.start_recording(path)
        except CoffeertError as error:
            self.notify(clean(str(error)), severity="error", markup=False)
        else:
            self.notify(f"Recording into {path}.", markup=False)

    def on_time_bar_scrubbed(self, message: TimeBar.Scrubbed) -> None:
        """Go to the time that was clicked."""
        board = self.coffeert.board
        board.scrub_to(board.live.now().timestamp() - message.back)
        self.tick()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterInput).open(self.coffeert.board.filter.text())

    def action_help(self) -> None:
        """Explain the keys."""
        keys = [(readable(binding.key), binding.tooltip) for binding in DASHBOARD_KEYS]
        self.app.push_screen(Help(self.focused, keys))

    def action_reconnect(self) -> None:
        """Connect at once."""
        self.coffeert.feed.reconnect_now()

    def action_new_order(self) -> None:
        """Place an order."""
        self._open_form(None)

    def action_repeat_last(self) -> None:
        """Place the last order once more, after a look at it."""
        draft = self.coffeert.till.repeatable()
        if draft is None:
            self.notify(
                "There is no order to repeat yet: press n to place one.", severity="warning"
            )
            return
        self._open_form(draft)

    def _open_form(self, draft: Draft | None) -> None:
        app = self.coffeert
        self.app.push_screen(OrderForm(app.till, app.session, app.url, app.glyphs, draft))

    async def action_void_last(self) -> None:
        """Void the last own order."""
        order_id = self.coffeert.till.last_voidable()
        if order_id is None:
            self.notify("There is no order of yours to void.", severity="warning")
            return
        try:
            placed = await self.coffeert.till.void(order_id)
        except CoffeertError as error:
            self.notify(clean(str(error)), severity="error", markup=False)
            return
        amount = text_from_cents(-placed.order.revenue_cents)
        text = f"Voided {clean(placed.order.drink)} at {clean(placed.order.store)}, {amount}."
        self.notify(text, markup=False)

    def action_copy(self) -> None:
        """Copy the chosen order as JSON, over SSH too (OSC 52)."""
        row = self.query_one(OrderTable).chosen_row
        if row is None:
            self.notify("No order is chosen.", severity="warning")
            return
        self.app.copy_to_clipboard(models.order_json(row.order))
        self.notify(f"Copied order {row.order.order_id}.", markup=False)

    # What panels tell.

    def on_header_bar_tab_chosen(self, message: HeaderBar.TabChosen) -> None:
        """Show the tab that was clicked."""
        self.action_tab(message.tab)

    def on_controls_bar_range_chosen(self, message: ControlsBar.RangeChosen) -> None:
        """Show the range that was clicked."""
        self.coffeert.board.span = RANGE[message.name]
        self.coffeert.board.cursor = None
        self.tick()

    def on_chart_panel_cursor_moved(self, message: ChartPanel.CursorMoved) -> None:
        """Put the crosshair into every chart."""
        self.coffeert.board.cursor = message.index
        self.tick()

    def on_breakdown_panel_drilled(self, message: BreakdownPanel.Drilled) -> None:
        """Go into a store or drink; from there, to its orders."""
        board = self.coffeert.board
        board.drill(message.row)
        self.query_one(BreakdownPanel).cursor.at = 0
        if len(board.path) >= 2:
            if not self.query_one(OrderTable).display:
                board.tab = "orders"
                self._place()
            self.query_one(OrderTable).focus()
        self.tick()

    def on_order_table_opened(self, message: OrderTable.Opened) -> None:
        """Show all of an order."""
        self.app.push_screen(OrderDetails(message.row, self.coffeert.board.session.zone()))

    def on_order_table_chosen(self) -> None:
        """Show the chosen order's details."""
        self.tick()

    def on_order_table_painted(self, message: OrderTable.Painted) -> None:
        """Note when own orders came onto the screen."""
        session = self.coffeert.session
        session.own.paint(message.order_ids, session.clock.monotonic())

    def on_filter_input_changed_to(self, message: FilterInput.ChangedTo) -> None:
        """Filter every panel as it is typed."""
        self._complaint = message.complaint
        if message.wanted is not None:
            self.coffeert.board.filter = message.wanted
        self.tick()

    def on_filter_input_closed(self) -> None:
        """Give the keys back to the panels."""
        self._complaint = ""
        self._focus_something()
        self.tick()


def _put(panel: Panel[object], x: int, y: int, width: int, height: int) -> None:
    panel.styles.offset = (x, y)
    panel.styles.width = width
    panel.styles.height = height
