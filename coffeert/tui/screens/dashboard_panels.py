"""The panels of the dashboard: places them for a size, and shows them what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from textual.widget import Widget

from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.history.recorder import Recording
from coffeert.tui.injection import Injection
from coffeert.tui.model.alerts import Alerts
from coffeert.tui.model.saved_views import SavedViews
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.render.badges import age_note
from coffeert.tui.render.breakdown import Dimension
from coffeert.tui.render.fault import FaultModel, fault_of, fault_rows
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.layout import PanelName, arrange
from coffeert.tui.render.summary import summary_of
from coffeert.tui.render.time_bar import bar_hint
from coffeert.tui.screens import range_models, status_lines, view_models
from coffeert.tui.widgets.bars import ControlsBar, FaultBar, HeaderBar, TimeBar
from coffeert.tui.widgets.breakdown_panel import BreakdownPanel
from coffeert.tui.widgets.chart_panel import ChartPanel
from coffeert.tui.widgets.order_table import OrderTable
from coffeert.tui.widgets.panel import Panel
from coffeert.tui.widgets.panels import (
    DetailsModel,
    DetailsPanel,
    HeatMapPanel,
    KpiStrip,
    NoticeModel,
    NoticePanel,
    SentencePanel,
    SystemModel,
    SystemPanel,
)

MAX_OWN_ORDERS_LISTED = 30


class DashboardPanels:
    """Owns the panels. A panel whose model has not changed costs nothing to show."""

    def __init__(
        self,
        state: DashboardState,
        recording: Recording,
        injection: Injection | None,
        alerts: Alerts,
        views: SavedViews,
        address: ServerAddress,
    ) -> None:
        self._state = state
        self._recording = recording
        self._injection = injection
        self._alerts = alerts
        self._views = views
        self._address = address
        self.header = HeaderBar(id="header")
        self.controls = ControlsBar(id="controls")
        self.fault = FaultBar(id="fault")
        self.kpi = KpiStrip(id="kpi")
        self.sentence = SentencePanel(id="sentence")
        self.chart = ChartPanel(id="chart")
        self.heat_map = HeatMapPanel(id="heat")
        self.stores = BreakdownPanel(id="stores")
        self.drinks = BreakdownPanel(id="drinks")
        self._breakdowns: tuple[tuple[BreakdownPanel, Dimension], ...] = (
            (self.stores, "store"),
            (self.drinks, "drink"),
        )
        self.orders = OrderTable(id="orders")
        self.details = DetailsPanel(id="details")
        self.system = SystemPanel(id="engine")
        self.time_bar = TimeBar(id="bar")
        self.notice = NoticePanel(id="notice")

    def __iter__(self) -> Iterator[Panel[Any]]:
        """Iterate over all panels, in the order in which Tab goes through them."""
        yield from (self.header, self.controls, self.fault, self.sentence, self.kpi, self.chart)
        yield from (self.heat_map, self.stores, self.drinks)
        yield from (self.orders, self.details, self.system)
        yield from (self.time_bar, self.notice)

    def place(self, width: int, height: int) -> None:
        """Put each panel where the layout for this size says; before the first data only a notice shows.

        A fault takes its line from the panels below it.
        """
        empty = self._state.view() is None
        state, menu = self._state, self._state.live.menu
        fault = fault_rows(self.fault.model or FaultModel(), width)
        places = arrange(
            width,
            height - fault,
            state.tab,
            listing=state.listing,
            stores=0 if menu is None else len(menu.stores),
            enlarged=state.enlarged,
            orders=len(state.path) >= 2,
        )
        top = 2 if "controls" in places else 1
        for panel in self:
            name = cast("PanelName", panel.id)
            place = places.get(name)
            if empty and name not in ("header", "controls"):
                place = None
            if panel is self.notice:
                panel.display = empty
                place_panel(panel, 0, top, width, max(1, height - top - 1))
            elif panel is self.fault:
                panel.display = fault > 0
                place_panel(panel, 0, top, width, max(1, fault))
            else:
                panel.display = place is not None
                if place is not None:
                    below = fault if place.y >= top else 0
                    place_panel(panel, place.x, place.y + below, place.width, place.height)

    def first_to_focus(self) -> Widget | None:
        """Return the panel that gets the focus if no panel on the screen has it."""
        panels = (self.orders, self.stores, self.drinks, self.chart, self.heat_map)
        return next((panel for panel in panels if panel.display), None)

    def note_fault(self, context: FrameContext, width: int) -> bool:
        """Show what is wrong; return True if it takes more or fewer lines than before."""
        before = fault_rows(self.fault.model or FaultModel(), width)
        fault = fault_of(context.data_status)
        self.fault.show(fault)
        return fault_rows(fault, width) != before

    def show(self, context: FrameContext) -> None:
        """Show one moment."""
        state, recorder = self._state, self._recording.recorder
        progress = None if self._injection is None else self._injection.progress()
        bar = view_models.bar(state, recorder, progress)
        hint = "" if self.time_bar.display else bar_hint(bar)
        self.header.show(status_lines.header(state, context, self._address))
        self.controls.show(status_lines.controls(state, context, self._alerts, self._views, hint))
        if context.view is None:
            self.notice.show(NoticeModel(context.data_status, self._address.url))
            return
        self._show_sums(context)
        self._show_orders(context)
        if self.time_bar.display:
            self.time_bar.show(bar)

    def _show_sums(self, context: FrameContext) -> None:
        state, old, age = self._state, context.data_status.old, age_note(context.data_status)
        if self.sentence.display:
            self.sentence.show(summary_of(context), old=old)
        if self.kpi.display:
            self.kpi.show(range_models.tiles(state, context), old=old, age=age)
        if self.chart.display:
            rules = {} if state.effective_filter else self._alerts.rules()
            chart = range_models.chart(state, context, rules)
            if chart is not None:
                self.chart.show(chart, old=old, age=age)
        if self.heat_map.display:
            self.heat_map.show(range_models.heat_map(state, context))
        for panel, dimension in self._breakdowns:
            if panel.display:
                model = range_models.breakdown(state, context, dimension)
                if model is not None:
                    panel.show(model, old=old, age=age)
        if self.system.display:
            parts = view_models.system(state, context)
            self.system.show(SystemModel(parts, view_models.mode(state)), old=old)

    def _show_orders(self, context: FrameContext) -> None:
        state, table = self._state, self.orders
        state.listing_orders.shown = table.display
        if table.display:
            age = age_note(context.data_status)
            table.show(state.orders(context), old=context.data_status.old, age=age)
        if self.details.display:
            row = table.chosen_row
            mine = tuple(state.session.own.newest()[:MAX_OWN_ORDERS_LISTED])
            self.details.show(DetailsModel(row, mine, context.zone, context.places))


def place_panel(panel: Widget, x: int, y: int, width: int, height: int) -> None:
    """Set position and size of a panel, in cells of the screen."""
    panel.styles.offset = (x, y)
    panel.styles.width = width
    panel.styles.height = height
