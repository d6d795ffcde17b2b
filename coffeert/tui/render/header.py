"""The two lines at the top: tab, server, status of the data, range, filter, alerts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.model.window import RANGES, RangeName
from coffeert.tui.render.badges import sequence_badge, state_badge, totals_badge
from coffeert.tui.render.format import milliseconds
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.layout import TABS, TabName, breadth
from coffeert.tui.render.spans import Line, Role, Span, drop_to_fit, fit_line, line, line_width
from coffeert.tui.render.text import crop

_TITLES: dict[TabName, str] = {
    "live": "Live",
    "stores": "Stores",
    "drinks": "Drinks",
    "orders": "Orders",
    "engine": "Engine",
}


@dataclass(frozen=True, slots=True)
class HeaderModel:
    """The upper line."""

    data_status: DataStatus
    tab: TabName
    place: str
    rate: float | None
    clock: str


@dataclass(frozen=True, slots=True)
class ControlsModel:
    """The lower line."""

    span: RangeName
    filter_text: str
    breadcrumbs: tuple[str, ...]
    alerts: tuple[int, int, int]
    """Not acknowledged, firing, all."""
    percentiles: tuple[float, float] | None
    trouble: str
    hint: str = ""


def draw_header(model: HeaderModel, cells: int, glyphs: Glyphs) -> Line:
    """Draw the upper line; in narrow terminals the least important pieces are left out."""
    data_status = model.data_status
    tabs = _tabs(model.tab, glyphs, short=breadth(cells) in ("slim", "tabs") and cells < 90)
    if breadth(cells) == "slim":
        tabs = line(Span(f" {TABS.index(model.tab) + 1} {_TITLES[model.tab]} ", "tab"))
    rate = () if model.rate is None else line(Span(f"{model.rate:.0f}/s", "strong"))
    doubts: Line = ()
    if data_status.ever_up:
        doubts = sequence_badge(data_status, glyphs)
    totals_match = totals_badge(data_status, glyphs) if data_status.ever_up else ()
    sums_rank = 0 if data_status.totals_match == "differs" else 4
    left = drop_to_fit(
        [
            (1, line(Span("coffeert", "title"))),
            (6, line(Span(crop(model.place, 24), "dim")) if cells >= 100 else ()),
            (0, tabs),
        ],
        max(10, cells - line_width(state_badge(data_status, glyphs)) - 2),
        1,
    )
    room = cells - line_width(left) - 2
    pieces = [
        (0, state_badge(data_status, glyphs)),
        (2, rate),
        (3 if data_status.gaps == 0 else 1, doubts),
        (sums_rank, totals_match),
        (5, line(Span(model.clock, "dim"))),
    ]
    # One space between pieces is better than no clock.
    apart = line_width(chain(*(piece for _, piece in pieces))) + 2 * len(pieces)
    right = drop_to_fit(pieces, room, 2 if cells >= 80 and apart <= room else 1)
    gap = cells - line_width(left) - line_width(right) - 1
    return fit_line((Span(" "), *left, Span(" " * max(1, gap - 1)), *right, Span(" ")), cells)


def draw_controls(model: ControlsModel, cells: int, glyphs: Glyphs) -> Line:
    """Draw the lower line."""
    if model.trouble:
        trouble = line(Span(f" {glyphs.up} {crop(model.trouble, cells - 24)} ", "badge-warn"))
    else:
        trouble = ()
    alerts: Line = ()
    waiting, firing, total = model.alerts
    if total:
        role: Role = "badge-bad" if waiting else "bad" if firing else "dim"
        shown = (
            f" {glyphs.up} {firing} alert{'s' if firing > 1 else ''} " if firing else "alerts quiet"
        )
        alerts = line(Span(shown, role), Span(" a: note" if waiting else "", "dim"))
    own: Line = ()
    if model.percentiles is not None:
        p50, p95 = model.percentiles
        own = line(
            Span("your orders ", "dim"),
            Span(f"p50 {milliseconds(p50)} p95 {milliseconds(p95)} ms", "own"),
        )
    drawn = drop_to_fit(
        [
            (1, _ranges(model.span, glyphs)),
            (0, trouble),
            (2, _filter(model, glyphs)),
            (0 if waiting else 3, alerts),
            (4, own),
            (1, line(Span(model.hint, "accent")) if model.hint else ()),
        ],
        cells - 2,
        3,
    )
    return fit_line((Span(" "), *drawn), cells)


def tab_at(column: int, cells: int, model: HeaderModel, glyphs: Glyphs) -> TabName | None:
    """Return the tab drawn at a column of the upper line."""
    text = "".join(span.text for span in draw_header(model, cells, glyphs))
    for index, tab in enumerate(TABS):
        for name in (f"{index + 1} {_TITLES[tab]}", f"{index + 1} {_TITLES[tab][:3]}"):
            at = text.find(name)
            if at >= 0 and at <= column < at + len(name):
                return tab
    return None


def range_at(column: int, cells: int, model: ControlsModel, glyphs: Glyphs) -> RangeName | None:
    """Return the range drawn at a column of the lower line."""
    text = "".join(span.text for span in draw_controls(model, cells, glyphs))
    at = 0
    for span in RANGES:
        at = text.find(span.name, at)
        if at < 0:
            return None
        if at <= column < at + len(span.name):
            return span.name
        at += len(span.name)
    return None


def _tabs(current: TabName, glyphs: Glyphs, *, short: bool) -> Line:
    spans: list[Span] = []
    for index, tab in enumerate(TABS):
        title = _TITLES[tab][:3] if short and tab != current else _TITLES[tab]
        role: Role = "tab" if tab == current else "dim"
        spans.append(Span(f" {index + 1} {title} ", role))
    return tuple(spans)


def _ranges(current: RangeName, glyphs: Glyphs) -> Line:
    spans: list[Span] = []
    for span in RANGES:
        here = span.name == current
        spans.append(Span(f" {span.name} ", "tab" if here else "dim"))
    return tuple(spans)


def _filter(model: ControlsModel, glyphs: Glyphs) -> Line:
    if not model.filter_text and not model.breadcrumbs:
        return line(Span("no filter", "dim"))
    spans: list[Span] = []
    if model.breadcrumbs:
        spans.append(Span(f" {glyphs.crumb} ".join(("All", *model.breadcrumbs)), "accent"))
    if model.filter_text:
        spans.append(Span(f"{'  ' if spans else ''}filter ", "dim"))
        spans.append(Span(crop(model.filter_text, 40), "accent"))
    return tuple(spans)
