"""Builds what each panel shows from the state of the dashboard at one moment."""

from __future__ import annotations

from datetime import datetime

from coffeert.domain.orders import Order
from coffeert.printable import printable
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.history.recorder import Recorder
from coffeert.tui.model.data_status import data_status_of, silent_after
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.system_panel import Part, history_of, parts_of
from coffeert.tui.render.time_bar import BarModel, InjectionProgress
from coffeert.wire.orders import OrderBody, encode


def bar(
    state: DashboardState, recorder: Recorder | None, injection: InjectionProgress | None
) -> BarModel:
    """Return the time bar."""
    live, travel = state.live, state.travel
    to = state.rewound_to
    recording = ""
    if recorder is not None:
        missed = f", {recorder.missed:,} not listed" if recorder.missed else ""
        recording = f"{recorder.orders:,} orders{missed}"
    return BarModel(
        back=None if to is None else float(round((live.now() - to).total_seconds())),
        moment="" if to is None else clock_text(to, state),
        sought="" if travel.sought is None else clock_text(travel.sought, state),
        live=data_status_of(live).status == "live" and not live.replaying,
        recording=recording,
        injection=injection,
    )


def clock_text(moment: datetime, state: DashboardState) -> str:
    """Write a moment in the shops' time: with its day, unless that is the day of now."""
    zone = state.live.zone()
    local, today = moment.astimezone(zone), state.live.now().astimezone(zone).date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%a %d %b %H:%M:%S}"


def system(state: DashboardState, context: FrameContext) -> tuple[Part, ...]:
    """Return the parts of the server."""
    session = state.session
    received = session.health_received
    report_age = 0.0 if received is None else session.clock.monotonic() - received
    history = history_of(session.health_history())
    max_age = 0.0 if context.data_status.status == "lost" else silent_after(session)
    return parts_of(session.health, context.now, report_age, history, max_age)


def mode(state: DashboardState) -> str:
    """Return how current the server's frames are, and its name and version."""
    health, hello = state.session.health, state.session.hello
    if health is None or hello is None:
        return ""
    how = "live, before the next pass" if health.live else "in batches, after each pass"
    epoch = f"epoch {printable(state.session.epoch, 16)} version {state.session.version:,}"
    own = state.session.own
    p50, p95 = own.percentile(0.5), own.percentile(0.95)
    known = p50 is not None and p95 is not None
    mine = f"yours after {p50:.0f} ms (p95 {p95:.0f}); " if known else ""
    return f"{mine}{printable(hello.server, 40)}: orders show {how}; {epoch}"


def order_json(order: Order, places: int) -> str:
    """Return an order in the server's JSON; `places` are the decimal places of the currency."""
    return encode(OrderBody.of(order, places)).decode()
