"""Builds the lines around the panels: header, controls, fault."""

from __future__ import annotations

from datetime import datetime, tzinfo

from coffeert.printable import printable
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.alerts import Alerts
from coffeert.tui.model.clock import zone_text
from coffeert.tui.model.saved_views import SavedViews
from coffeert.tui.render.alerts import alert_names
from coffeert.tui.render.changes import compared_words
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.header import AlertsInHeader, ControlsModel, HeaderModel


def header(state: DashboardState, context: FrameContext, place: str) -> HeaderModel:
    """Return the upper line."""
    session = state.session
    # While no message arrives, the rate is unknown, not zero.
    known = context.view is not None and not context.data_status.old
    rate = session.arrivals.rate(context.now.timestamp()) if known else None
    return HeaderModel(
        data_status=context.data_status,
        tab=state.tab,
        place=printable(place, 40),
        rate=None if rate is None else float(round(rate)),
        clock=_clock(context.now, context.zone) if session.hello is not None else "",
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
        view=printable(views.name_of(state.filter), 24),
        alerts=AlertsInHeader(alert_names(alerts.waiting or alerts.firing), bool(alerts.waiting)),
        hint=hint,
    )


def _clock(now: datetime, zone: tzinfo) -> str:
    return f"{now.astimezone(zone):%H:%M:%S} {zone_text(now, zone)}"
