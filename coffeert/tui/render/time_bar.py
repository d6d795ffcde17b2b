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
    """What the bar shows; `back` is how many seconds ago `moment` was, `None` for the present.

    `sought` is the moment that is being asked for. `live`: connected, and no recording.
    """

    back: float | None = None
    moment: str = ""
    sought: str = ""
    live: bool = True
    recording: str = ""
    injection: InjectionProgress | None = None


def draw_bar(model: BarModel, cells: int, glyphs: Glyphs) -> Line:
    """Draw the bar."""
    newest = "live" if model.live else "newest"
    if model.back is None:
        state = line(Span(f" {newest} ", "good" if model.live else "dim"))
        keys = " [ earlier   @ another time "
    else:
        state = line(
            Span(f" {model.moment} ", "badge-warn"), Span(f" {ago(model.back)} ago ", "dim")
        )
        keys = f" [ ] 10 s   {{ }} 1 min   @ another time   end {newest} "
    if model.sought:
        state = (*state, Span(f" asking for {model.sought}{glyphs.ellipsis} ", "warn"))
    right = _right(model, glyphs)
    room = cells - line_width(state) - line_width(right)
    if room < len(keys):
        keys = ""
    return fit_line((*state, Span(keys.ljust(max(0, room)), "dim"), *right), cells)


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
