"""The panels of the dashboard: places them for a size, and shows them what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from textual.widget import Widget

from coffeert.printable import printable
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.history.recorder import Recording
from coffeert.tui.injection import Injection
from coffeert.tui.model.alerts import Alerts
from coffeert.tui.model.saved_views import SavedViews
from coffeert.tui.render.badges import age_note
from coffeert.tui.render.fault import FaultModel, fault_of, fault_rows
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.layout import PanelName, arrange
from coffeert.tui.render.time_bar import bar_hint
from coffeert.tui.screens import status_lines, view_models
from coffeert.tui.widgets.bars import ControlsBar, FaultBar, HeaderBar, TimeBar
from coffeert.tui.widgets.breakdown_panel import BreakdownModel, BreakdownPanel
from coffeert.tui.widgets.chart_panel import ChartPanel
from coffeert.tui.widgets.order_table import OrderTable
from coffeert.tui.widgets.panel import Panel
from coffeert.tui.widgets.panels import (
    DetailsModel,
    DetailsPanel,
    KpiStrip,
    NoticeModel,
    NoticePanel,
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
        *,
        url: str,
        server: str,
    ) -> None:
        self._state = state
        self._recording = recording
        self._injection = injection
        self._alerts = alerts
        self._views = views
        self._url = url
        self._server = server
        self.header = HeaderBar(id="header")
        self.controls = ControlsBar(id="controls")
        self.fault = FaultBar(id="fault")
        self.kpi = KpiStrip(id="kpi")
        self.orders_chart = ChartPanel(id="chart-orders")
        self.revenue_chart = ChartPanel(id="chart-revenue")
        self.breakdown = BreakdownPanel(id="breakdown")
        self.orders = OrderTable(id="orders")
        self.details = DetailsPanel(id="details")
        self.system = SystemPanel(id="engine")
        self.time_bar = TimeBar(id="bar")
        self.notice = NoticePanel(id="notice")

    def __iter__(self) -> Iterator[Panel[Any]]:
        """Iterate over all panels, in the order in which Tab goes through them."""
        yield from (self.header, self.controls, self.fault)
        yield from (self.kpi, self.orders_chart, self.revenue_chart)
        yield from (self.breakdown, self.orders, self.details, self.system)
        yield from (self.time_bar, self.notice)

    def place(self, width: int, height: int) -> None:
        """Put each panel where the layout for this size says; before the first data only a notice shows.

        A fault takes its line from the panels below it.
        """
        empty = self._state.view() is None
        fault = fault_rows(self.fault.model or FaultModel(), width)
        places = arrange(width, height - fault, self._state.tab, charts=self._state.metric)
        top = 2 if "controls" in places else 1
        for panel in self:
            name = cast("PanelName", panel.id)
            place = places.get(name)
            if empty and name not in ("header", "controls"):
                place = None
            if panel is self.notice:
                panel.display = empty
                _put(panel, 0, top, width, max(1, height - top - 1))
            elif panel is self.fault:
                panel.display = fault > 0
                _put(panel, 0, top, width, max(1, fault))
            else:
                panel.display = place is not None
                if place is not None:
                    _put(panel, place.x, place.y + (fault if place.y >= top else 0), *place[2:])

    def first_to_focus(self) -> Widget | None:
        """Return the panel that gets the focus if no panel on the screen has it."""
        panels = (self.orders, self.breakdown, self.orders_chart)
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
        self.header.show(status_lines.header(state, context, self._server))
        self.controls.show(status_lines.controls(state, context, self._alerts, self._views, hint))
        if context.view is None:
            self.notice.show(NoticeModel(context.data_status, self._url))
            return
        self._show_sums(context)
        self._show_orders(context)
        if self.time_bar.display:
            self.time_bar.show(bar)

    def _show_sums(self, context: FrameContext) -> None:
        state, old, age = self._state, context.data_status.old, age_note(context.data_status)
        if self.kpi.display:
            self.kpi.show(view_models.tiles(state, context), old=old, age=age)
        rules = {} if state.effective_filter else self._alerts.rules()
        if self.orders_chart.display:
            chart = view_models.chart(state, context, "orders", rules)
            if chart is not None:
                self.orders_chart.show(chart, old=old, age=age)
        if self.revenue_chart.display:
            chart = view_models.chart(state, context, "revenue", rules)
            if chart is not None:
                self.revenue_chart.show(chart, old=old, age=age)
        if self.breakdown.display:
            breadcrumbs = tuple(printable(code, 40) for code in state.breadcrumbs)
            sections = view_models.sections(state, context)
            self.breakdown.show(BreakdownModel(sections, breadcrumbs), old=old, age=age)
        if self.system.display:
            parts = view_models.system(state, context)
            self.system.show(SystemModel(parts, view_models.mode(state)), old=old)

    def _show_orders(self, context: FrameContext) -> None:
        state, table = self._state, self.orders
        if table.display:
            age = age_note(context.data_status)
            table.show(state.orders(), old=context.data_status.old, age=age)
        if self.details.display:
            row = table.chosen_row
            mine = tuple(state.session.own.newest()[:MAX_OWN_ORDERS_LISTED])
            order = None if row is None else row.order
            own = None if row is None else row.own
            self.details.show(DetailsModel(order, own, mine, context.zone, context.places))


def _put(panel: Widget, x: int, y: int, width: int, height: int) -> None:
    panel.styles.offset = (x, y)
    panel.styles.width = width
    panel.styles.height = height
