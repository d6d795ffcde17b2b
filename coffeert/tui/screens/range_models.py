"""Builds what the panels of the first three tabs show of the range chosen, from one moment's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from coffeert.alert_rules import Rule
from coffeert.printable import printable
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.render.breakdown import BreakdownModel, Dimension, breakdown_of
from coffeert.tui.render.changes import compared_words
from coffeert.tui.render.chart import (
    ChartModel,
    Lost,
    day_chart,
    days_chart,
    hours_chart,
    minutes_chart,
)
from coffeert.tui.render.chart_drawing import peak_of
from coffeert.tui.render.format import ago
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.heat_map import HeatMapModel, heat_map_of
from coffeert.tui.render.kpi import Tile, tiles_of


def scope(state: DashboardState, context: FrameContext) -> str:
    """Return what figures are limited to, and the shops' time zone."""
    named, prices = [], []
    for term in context.wanted.terms:
        if term.field == "price":
            prices.append(term.text())
            continue
        # A part of a name, as it is typed, may match more than what is called exactly so.
        names = context.store_names if term.field == "store" else context.drink_names
        words = [names.get(word, word) if term.exact else word for word in term.words]
        listed = ", ".join(printable(word, 30) for word in words)
        named.append(f"{'without ' if term.negated else ''}{listed}")
    limits = [" ".join(named) or "all stores", *prices]
    limits.append(context.zone_name)
    if (until := context.reported_until) is not None:
        limits.append(f"as of {until.astimezone(context.zone):%H:%M}")
    elif context.reports.age is not None:
        limits.append(f"compared {ago(context.reports.age)} ago")
    return f" {context.glyphs.separator} ".join(limit for limit in limits if limit)


def tiles(state: DashboardState, context: FrameContext) -> tuple[Tile, ...]:
    """Return the key figures."""
    sums = state.sums()
    return () if sums is None else tiles_of(context, sums)


def chart(
    state: DashboardState, context: FrameContext, rules: Mapping[str, Rule]
) -> ChartModel | None:
    """Return the chart of the range, with a line for each rule, by its name, that limits it."""
    sums, window, report = state.sums(), context.charted, context.reports.curve
    span, metric = state.span, state.metric
    if sums is None:
        return None
    if span.minutes and window is not None:
        made = minutes_chart(context, window, metric, _lost(state, context))
        about, scale = (
            ("orders_per_min", 1) if metric == "orders" else ("revenue_per_min", 10**context.places)
        )
        marks = tuple((r.limit * scale, name) for name, r in rules.items() if r.metric == about)
        compared = compared_words(context)
        made = replace(made, marks=marks)
    elif report is not None and span.period:
        running = span.name == "today"
        if span.grouping == "quarter":
            lost = _lost(state, context)
            made = day_chart(context, sums, report, metric, lost, running=running)
        else:
            made = days_chart(context, report, metric)
        compared = compared_words(context)
        if report.compared is None or not any(made.compared):
            row = report.total.takings_change
            reason = None if row is None else row.reason
            made = replace(made, compared=(), note=reason or "")
        elif len(context.zones) > 1 and span.grouping == "quarter":
            peak = peak_of(replace(made, currency=context.currency))
            made = replace(made, note=f"{peak}; hours are each store's own".lstrip("; "))
    elif context.is_live:
        made = hours_chart(context, sums, metric)
        compared, made = "", replace(made, note=context.reports.missing)
    else:
        return ChartModel(
            metric, (), (), note=context.reports.missing, title=_title(state, context)
        )
    key = span.name, metric, state.comparison, context.wanted, made.bucket_name
    return replace(
        made,
        top=state.axis.top(key, made.greatest, state.live.clock.monotonic()),
        cursor=state.cursor,
        title=_title(state, context),
        now_name=span.name,
        compared_name=compared,
        currency=context.currency,
    )


def _title(state: DashboardState, context: FrameContext) -> str:
    name = "Takings" if state.metric == "takings" else "Orders"
    dot = f" {context.glyphs.separator} "
    return f"{name} {state.span.name}{dot}{scope(state, context)}"


def _lost(state: DashboardState, context: FrameContext) -> Lost:
    session = state.session
    # What came after the last fresh data is unknown, whether or not the connection was lost.
    known_until = inf
    if context.data_status.old and context.view is not None:
        known_until = context.view.data_time.timestamp()

    def lost(start: float, end: float) -> bool:
        return end > known_until or session.lost_between(start, end)

    return lost


def heat_map(state: DashboardState, context: FrameContext) -> HeatMapModel:
    """Return the usual week."""
    return heat_map_of(context, "Usual week")


def breakdown(
    state: DashboardState, context: FrameContext, dimension: Dimension
) -> BreakdownModel | None:
    """Return the stores or drinks of the range."""
    sums = state.sums()
    if sums is None:
        return None
    dot = f" {context.glyphs.separator} "
    name = "Stores" if dimension == "store" else "Drinks"
    title = f"{name} {state.span.name}{dot}{scope(state, context)}"
    activity = context.reports.activity
    quiet = () if activity is None else [s.store for s in activity.stores if s.quiet]
    return breakdown_of(context, sums, dimension, state.sort, title, quiet)
