"""What each panel shows, made of a board and its scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Literal

from coffeert.alert_rules import Rule
from coffeert.domain.orders import Order
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.history.recorder import Recorder
from coffeert.tui.model.alerts import Alerts
from coffeert.tui.model.data_status import data_status_of, silent_after
from coffeert.tui.render.breakdown import Dimension, Section, sections_of
from coffeert.tui.render.chart import ChartModel, Metric, chart_of
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.header import ControlsModel, HeaderModel
from coffeert.tui.render.kpi import Tile, tiles_of
from coffeert.tui.render.system_panel import Part, course_of, parts_of
from coffeert.tui.render.text import clean
from coffeert.tui.render.time_bar import BarModel, InjectionModel
from coffeert.wire.orders import OrderBody, encode


def header(board: DashboardState, scene: FrameContext, place: str) -> HeaderModel:
    """Make the upper line."""
    session = board.session
    # While nothing is heard, nobody knows how many come in.
    known = scene.view is not None and not scene.truth.old
    rate = session.arrivals.rate(scene.now.timestamp()) if known else None
    return HeaderModel(
        truth=scene.truth,
        tab=board.tab,
        place=clean(place, 40),
        rate=None if rate is None else float(round(rate)),
        clock=scene.now.astimezone(scene.zone).strftime("%H:%M:%S"),
    )


def controls(
    board: DashboardState, scene: FrameContext, complaint: str, alerts: Alerts, hint: str
) -> ControlsModel:
    """Make the lower line.

    `complaint` is what is wrong with the filter being typed, `hint` what the bar at the bottom would say.
    """
    own = board.session.own
    p50, p95 = own.percentile(0.5), own.percentile(0.95)
    troubles = scene.truth.troubles
    if complaint:
        troubles = (complaint,)
    elif scene.truth.mood == "lost" and scene.truth.reason:
        troubles = (f"{scene.truth.reason} (r: retry now)",)
    return ControlsModel(
        span=board.span.name,
        filter_text=board.filter.text(),
        crumbs=tuple(clean(code, 40) for code in board.crumbs),
        matching="",
        alerts=(len(alerts.waiting), len(alerts.firing), len(alerts)),
        percentiles=None if p50 is None or p95 is None else (p50, p95),
        trouble="; ".join(troubles),
        hint=hint,
    )


def tiles(board: DashboardState, scene: FrameContext) -> tuple[Tile, ...]:
    """Make the key figures."""
    sums = board.sums()
    return () if sums is None else tiles_of(scene, sums)


def chart(
    board: DashboardState, scene: FrameContext, metric: Metric, rules: Sequence[Rule]
) -> ChartModel | None:
    """Make a chart, with a mark where a rule draws a line."""
    session = board.session
    # Of what was after the data were last new nothing is known, lost connection or not.
    known_until = inf
    if scene.truth.old and scene.view is not None:
        known_until = scene.view.data_time.timestamp()

    def lost(start: float, end: float) -> bool:
        return end > known_until or session.lost_between(start, end)

    made = chart_of(scene, metric, session.arrivals, board.wanted, board.cursor, lost)
    if made is None or made.unit != "minute":
        return made
    about, scale = ("orders_per_min", 1) if metric == "orders" else ("revenue_per_min", 100)
    marks = tuple((rule.limit * scale, rule.text()) for rule in rules if rule.metric == about)
    return replace(made, marks=marks)


def sections(board: DashboardState, scene: FrameContext) -> tuple[Section, ...]:
    """Make the breakdown: what lies below the place drilled down to."""
    sums = board.sums()
    if sums is None:
        return ()
    wanted: tuple[Dimension | Literal["top"], ...]
    inside = {term.field for term in board.path}
    if inside == {"store"}:
        wanted = ("drink",)
    elif inside == {"drink"}:
        wanted = ("store",)
    elif board.tab == "drinks":
        wanted = ("drink", "store")
    elif board.tab == "stores":
        wanted = ("store", "drink")
    else:
        wanted = ("top", "store")
    return sections_of(scene, sums, wanted)


def bar(board: DashboardState, recorder: Recorder | None, going: InjectionModel | None) -> BarModel:
    """Make the bar at the bottom."""
    live = board.live
    now = live.now().timestamp()
    span = board.tape.span
    to = board.rewound_to
    moment = "" if to is None else datetime.fromtimestamp(to, live.zone()).strftime("%H:%M:%S")
    recording = ""
    if recorder is not None:
        missed = f", {recorder.missed:,} not listed" if recorder.missed else ""
        recording = f"{recorder.orders:,} orders{missed}"
    return BarModel(
        reach=0.0 if span is None else float(round(now - span[0])),
        back=None if to is None else now - to,
        live=data_status_of(live).mood == "live" and not live.replaying,
        moment=moment,
        recording=recording,
        injection=going,
    )


def engine(board: DashboardState, scene: FrameContext) -> tuple[Part, ...]:
    """Make the engine view."""
    session = board.session
    heard = session.health_heard
    grown = 0.0 if heard is None else session.clock.monotonic() - heard
    course = course_of(session.figures())
    patience = 0.0 if scene.truth.mood == "lost" else silent_after(session)
    return parts_of(session.health, scene.now, grown, course, patience)


def mode(board: DashboardState) -> str:
    """Say how the server makes its pictures, and who it is."""
    health, hello = board.session.health, board.session.hello
    if health is None or hello is None:
        return ""
    how = "live, before the next pass" if health.live else "in batches, after each pass"
    epoch = f"epoch {clean(board.session.epoch, 16)} version {board.session.version:,}"
    return f"{clean(hello.server, 40)}: orders show {how}; {epoch}"


def order_json(order: Order) -> str:
    """Write an order as the server's JSON."""
    return encode(OrderBody.of(order)).decode()
