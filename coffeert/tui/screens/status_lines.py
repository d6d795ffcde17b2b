"""Builds the lines around the panels: header, controls, fault."""

from __future__ import annotations

from coffeert.printable import printable
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.alerts import Alerts
from coffeert.tui.model.saved_views import SavedViews
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.render.alerts import alert_names
from coffeert.tui.render.changes import compared_words
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.header import AlertsInHeader, ControlsModel, HeaderModel
from coffeert.tui.saved_state import present_view
from coffeert.tui.screens.view_models import clock_text


def header(state: DashboardState, context: FrameContext, address: ServerAddress) -> HeaderModel:
    """Return the upper line."""
    session = state.session
    # While no message arrives, the rate is unknown, not zero.
    known = context.view is not None and not context.data_status.old
    rate = session.arrivals.rate(context.now.timestamp()) if known else None
    return HeaderModel(
        data_status=context.data_status,
        tab=state.tab,
        place=printable(address.name, 40),
        rate=None if rate is None else float(round(rate)),
        clock=f"{clock_text(context.now, state)} {context.zone_name}" if session.hello else "",
        number=address.number,
    )


def controls(
    state: DashboardState,
    context: FrameContext,
    alerts: Alerts,
    views: SavedViews,
    hint: str,
) -> ControlsModel:
    """Return the lower line; `hint` is what the time bar would say."""
    names = context.store_names | context.drink_names
    return ControlsModel(
        span=state.span.name,
        filter_text=state.filter.text(),
        breadcrumbs=tuple(names.get(code) or printable(code, 40) for code in state.breadcrumbs),
        compared=f"vs {compared}" if (compared := compared_words(context)) else "",
        view=printable(views.name_of(present_view(state)), 24),
        alerts=AlertsInHeader(alert_names(alerts.waiting or alerts.firing), bool(alerts.waiting)),
        hint=hint,
    )
