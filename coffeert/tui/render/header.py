"""The two lines at the top: tabs, server, status, clock; and below what the screen is limited to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.model.window import RANGE, RANGES
from coffeert.tui.render.badges import missed_badge, state_badge, totals_badge
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.layout import TABS, TabName
from coffeert.tui.render.spans import Line, Role, Span, drop_to_fit, fit_line, line, line_width
from coffeert.tui.render.text import crop, width

_TITLES: Final[dict[TabName, str]] = {
    "live": "Today",
    "stores": "Stores",
    "drinks": "Drinks",
    "orders": "Orders",
    "engine": "Engine",
}
_MIN_FILTER_CELLS: Final = 10


@dataclass(frozen=True, slots=True)
class HeaderModel:
    """The upper line; `clock` is the shops' time with their zone, `rate` orders a second."""

    data_status: DataStatus
    tab: TabName
    place: str
    rate: float | None
    clock: str
    number: str = ""
    """Of this server among several, such as `2/3`."""


@dataclass(frozen=True, slots=True)
class AlertsInHeader:
    """The alerts that hold: their names, and whether one has not been acknowledged."""

    names: str = ""
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class ControlsModel:
    """The lower line: what the figures are limited to, which is never left out, and what else is going on.

    `compared` is what they are compared with, `view` the name of the saved view that the filter is of,
    `hint` what the time bar would say.
    """

    span: str
    filter_text: str
    breadcrumbs: tuple[str, ...]
    compared: str = ""
    view: str = ""
    alerts: AlertsInHeader = AlertsInHeader()
    hint: str = ""


def draw_header(model: HeaderModel, cells: int, glyphs: Glyphs) -> Line:
    """Draw the upper line; where not everything fits, the least important pieces are left out whole."""
    data_status = model.data_status
    badge = state_badge(data_status, glyphs)
    rate = () if model.rate is None else line(Span(f"{model.rate:.0f}/s", "strong"))
    checked = totals_badge(data_status, glyphs) if data_status.ever_up else ()
    differs = data_status.totals_match == "differs"
    without_seconds = re.sub(r"(\d\d:\d\d):\d\d", r"\1", model.clock)
    for short, clock in ((False, model.clock), (True, model.clock), (True, without_seconds)):
        tabs = _tabs(model.tab, short=short)
        left = [
            # Which of several servers this is matters more than the program's name.
            (2, line(Span(model.number, "title"))),
            (4, line(Span(model.place if model.number else "coffeert", "title"))),
            (7, line(Span(model.place, "dim")) if cells >= 100 and not model.number else ()),
            (1, tabs),
        ]
        right = [
            (0, badge),
            (6, rate),
            (3, missed_badge(data_status)),
            (0 if differs else 5, checked),
            (2, line(Span(clock, "dim"))),
        ]
        if line_width(tabs) + line_width(badge) + len(clock) + 4 <= cells:
            break
    return _both_ends(left, right, cells)


def _both_ends(left: list[tuple[int, Line]], right: list[tuple[int, Line]], cells: int) -> Line:
    """Put pieces at both ends of a line, and leave out those with the highest numbers until they fit."""
    pieces = [(rank, 0, piece) for rank, piece in left if piece]
    pieces += [(rank, 1, piece) for rank, piece in right if piece]
    gap = 2
    while len(pieces) > 1 and _needed(pieces, gap) > cells:
        if gap == 2 and _needed(pieces, 1) <= cells:
            gap = 1
            break
        del pieces[max(range(len(pieces)), key=lambda index: pieces[index][0])]
    ends = [
        drop_to_fit([(rank, piece) for rank, end, piece in pieces if end == side], cells - 2, gap)
        for side in (0, 1)
    ]
    space = max(1, cells - line_width(ends[0]) - line_width(ends[1]) - 2)
    return fit_line((Span(" "), *ends[0], Span(" " * space), *ends[1], Span(" ")), cells)


def _needed(pieces: list[tuple[int, int, Line]], gap: int) -> int:
    return sum(line_width(piece) + gap for _, _, piece in pieces) + 2


def draw_controls(model: ControlsModel, cells: int, glyphs: Glyphs) -> Line:
    """Draw the lower line. What limits the figures always shows, if need be shortened.

    What they are compared with gives way only to that, and everything else to both.
    """
    alerts, hint = _alerts(model.alerts, glyphs), line(Span(model.hint, "accent"))
    compared = line(Span(model.compared, "dim")) if model.compared else ()
    ranges, limits = _ranges(model.span), _limits(model, glyphs)
    others: list[tuple[int, Line]] = [
        (2 if model.alerts.waiting else 4, alerts),
        (3, hint if model.hint else ()),
    ]
    if _width([ranges, compared, limits, *(piece for _, piece in others)]) > cells:
        ranges = line(Span(f" {model.span} ", "tab"))
    if _width([ranges, compared, limits]) > cells:
        room = cells - _width([ranges, compared]) - 2
        if room < _MIN_FILTER_CELLS:
            compared, room = (), cells - _width([ranges]) - 2
        limits = _limits(model, glyphs, max(_MIN_FILTER_CELLS, room))
    pieces = [(0, ranges), (1, compared), (0, limits), *others]
    return fit_line((Span(" "), *drop_to_fit(pieces, cells - 2, 2)), cells)


def _width(pieces: Sequence[Line]) -> int:
    return 1 + sum(line_width(piece) + 2 for piece in pieces if piece)


def tab_at(column: int, cells: int, model: HeaderModel, glyphs: Glyphs) -> TabName | None:
    """Return the tab drawn at a column of the upper line."""
    text = "".join(span.text for span in draw_header(model, cells, glyphs))
    for short in (False, True):
        pieces = _tabs(model.tab, short=short)
        at = text.find("".join(span.text for span in pieces))
        if at < 0:
            continue
        for tab, span in zip(TABS, pieces, strict=True):
            if at <= column < at + len(span.text):
                return tab
            at += len(span.text)
    return None


def range_at(column: int, cells: int, model: ControlsModel, glyphs: Glyphs) -> str | None:
    """Return the range drawn at a column of the lower line."""
    text = "".join(span.text for span in draw_controls(model, cells, glyphs))
    pieces = _ranges(model.span)
    at = text.find("".join(span.text for span in pieces))
    if at < 0:
        return None
    for span, piece in zip(RANGES, pieces, strict=False):
        if at <= column < at + len(piece.text):
            return span.name
        at += len(piece.text)
    return None


def _tabs(current: TabName, *, short: bool) -> Line:
    spans: list[Span] = []
    for index, tab in enumerate(TABS):
        title = "" if short and tab != current else f" {_TITLES[tab]}"
        role: Role = "tab" if tab == current else "dim"
        spans.append(Span(f" {index + 1}{title} ", role))
    return tuple(spans)


def _ranges(current: str) -> Line:
    ranges = [Span(f" {span.name} ", "tab" if span.name == current else "dim") for span in RANGES]
    if current not in RANGE:  # days that were chosen
        ranges.append(Span(f" {current} ", "tab"))
    return tuple(ranges)


def _limits(model: ControlsModel, glyphs: Glyphs, cells: int = 200) -> Line:
    """Return filter and drill-down, or that everything is counted."""
    spans: list[Span] = []
    if model.breadcrumbs:
        crumbs = f" {glyphs.crumb} ".join(("all", *model.breadcrumbs))
        spans.append(Span(crop(crumbs, cells, glyphs.ellipsis), "accent"))
        cells -= width(crumbs) + 2
    text = f"view {model.view}" if model.view else model.filter_text
    if text:
        name = "" if model.view or width(text) + 5 > cells else "only "
        room = max(_MIN_FILTER_CELLS, cells) - len(name)
        spans.append(Span(f"{'  ' if spans else ''}{name}", "dim"))
        spans.append(Span(crop(text, room, glyphs.ellipsis), "accent"))
    if spans:
        return tuple(spans)
    return line(Span("all stores and drinks" if cells >= 21 else "all stores", "dim"))


def _alerts(alerts: AlertsInHeader, glyphs: Glyphs) -> Line:
    if not alerts.names:
        return ()
    role: Role = "badge-bad" if alerts.waiting else "dim"
    text = line(Span(f" {glyphs.up} {alerts.names} ", role))
    return (*text, Span(" a: alerts", "dim")) if alerts.waiting else text
