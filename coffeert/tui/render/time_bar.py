"""The time bar: the moment shown, what is being recorded, how far an injection is."""

from __future__ import annotations

from dataclasses import dataclass

from coffeert.tui.render.format import ago, gauge
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Span, fit_line, line, line_width


@dataclass(frozen=True, slots=True)
class InjectionProgress:
    """How far an injection is; `part` is `None` if it has no end."""

    name: str
    sent: int
    part: float | None
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class BarModel:
    """What the bar shows; `reach` and `back` in seconds before now, `live` while connected."""

    reach: float
    back: float | None
    moment: str
    live: bool = True
    recording: str = ""
    injection: InjectionProgress | None = None


def draw_bar(model: BarModel, cells: int, glyphs: Glyphs) -> Line:
    """Draw the bar."""
    right = _right(model, glyphs)
    back = 0.0 if model.back is None else model.back
    label = line(Span(" rewind ", "dim"), Span(f"{ago(model.reach)} ", "dim"))
    if model.back is None:
        state = line(Span(" live ", "good") if model.live else Span(" newest ", "dim"))
    else:
        newest = "live" if model.live else "newest"
        state = line(Span(f" {model.moment} ", "badge-warn"), Span(f" end: {newest} ", "dim"))
    room = cells - line_width(label) - line_width(state) - line_width(right) - 1
    if room < 8:
        return fit_line((*label, *state, *right), cells)
    part = 0.0 if model.reach <= 0 else min(1.0, back / model.reach)
    at = round((1 - part) * (room - 1))
    track = (
        Span(glyphs.track * at, "frame"),
        Span(glyphs.thumb, "accent"),
        Span(glyphs.track * (room - 1 - at), "frame"),
    )
    return fit_line((*label, *track, *state, *right), cells)


def bar_hint(model: BarModel) -> str:
    """Return what the bar says in few words, for terminals without room for it."""
    pieces = []
    if model.recording:
        pieces.append(f"rec {model.recording}")
    if model.injection is not None:
        injection = model.injection
        part = "" if injection.part is None else f" {injection.part * 100:.0f}%"
        pieces.append(f"inject {injection.sent:,}{part} x: stop")
    return ", ".join(pieces)


def moment_at(column: int, model: BarModel, cells: int, glyphs: Glyphs) -> float | None:
    """Return how many seconds back a column of the track is."""
    drawn = draw_bar(model, cells, glyphs)
    text = "".join(span.text for span in drawn)
    first = min((text.find(c) for c in (glyphs.track, glyphs.thumb) if c in text), default=-1)
    last = max(text.rfind(glyphs.track), text.rfind(glyphs.thumb))
    if first < 0 or last <= first or not first <= column <= last:
        return None
    return (1 - (column - first) / (last - first)) * model.reach


def _right(model: BarModel, glyphs: Glyphs) -> Line:
    spans: list[Span] = []
    if model.recording:
        spans += [Span(f" {glyphs.dot} rec", "bad"), Span(f" {model.recording} ", "dim")]
    if model.injection is not None:
        injection = model.injection
        spans += [
            Span(f" inject {injection.name} ", "accent"),
            Span(f"{injection.sent:,} ", "strong"),
        ]
        if injection.part is not None:
            spans += [Span(gauge(injection.part, 10, glyphs), "series-1")]
            spans.append(Span(f" {injection.part * 100:.0f}%", "strong"))
        spans.append(Span(" stopping " if injection.stopping else "  x: stop ", "dim"))
    return tuple(spans)
