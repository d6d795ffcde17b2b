"""Diagrams as SVG, readable on light and dark pages alike, and as text in the terminal."""

from __future__ import annotations

import math
import re
from html import escape
from statistics import median
from typing import Final

from coffeert.lab.results import Diagram

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 20, 44, 78
_COLORS = ("#2f7ed8", "#d9822b", "#3b9e58", "#b0479d", "#7a7a7a", "#c23b3b")
_TEXT_COLOR = "#808080"
_TERMINAL_ROWS = 16
# plotext's axes and text are black on white by default; the terminal's own colours are always readable.
_PLOTEXT_COLORS: Final = re.compile(r"\x1b\[(?:48;5;15|38;5;0|38;5;12)m")
_FIRST_TERMINAL_COLOR = 2  # of the palette that the terminal's theme defines


class Axis:
    """Maps values to a length in pixels; `log` axes show powers of ten."""

    def __init__(self, values: list[float], *, log: bool, pixels: float) -> None:
        self._log = log
        self._low: float
        self._high: float
        self._pixels = pixels
        low, high = min(values), max(values)
        if log:
            self._low = math.floor(math.log10(max(low, 1e-9)))
            self._high = max(self._low + 1, math.ceil(math.log10(max(high, 1e-9))))
        else:
            self._low, self._high = 0.0, max(high, 1e-9) * 1.05

    def at(self, value: float) -> float:
        """Return the distance of a value from the axis's beginning."""
        position = math.log10(max(value, 1e-9)) if self._log else value
        return (position - self._low) / (self._high - self._low) * self._pixels

    def ticks(self) -> list[float]:
        if self._log:
            return [10.0**power for power in range(int(self._low), int(self._high) + 1)]
        step = 10.0 ** math.floor(math.log10(self._high))
        while self._high / step < 4:
            step /= 2
        return [step * multiple for multiple in range(int(self._high / step) + 1)]


def svg_chart(diagram: Diagram) -> str:
    """Draw a diagram as an SVG document."""
    points = [point for curve in diagram.curves for point in curve.points]
    x = Axis([p.x for p in points] or [0, 1], log=diagram.log_x, pixels=_WIDTH - _LEFT - _RIGHT)
    y = Axis([p.y for p in points] or [0, 1], log=diagram.log_y, pixels=_HEIGHT - _TOP - _BOTTOM)
    floor = _HEIGHT - _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(diagram.title)}</title>",
        _text(_LEFT, 22, diagram.title, size=15, anchor="start"),
        _text(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, floor + 36, diagram.x),
        f'<text transform="translate(18 {_TOP + (floor - _TOP) / 2}) rotate(-90)" '
        f'fill="{_TEXT_COLOR}" text-anchor="middle">{escape(diagram.y)}</text>',
    ]
    for tick in y.ticks():
        at = floor - y.at(tick)
        parts.append(_line(_LEFT, at, _WIDTH - _RIGHT, at))
        parts.append(_text(_LEFT - 8, at + 4, _short(tick), anchor="end"))
    for tick in x.ticks():
        at = _LEFT + x.at(tick)
        parts.append(_line(at, floor, at, floor + 5))
        parts.append(_text(at, floor + 19, _short(tick)))
    parts += _curves(diagram, x, y, floor)
    return "\n".join([*parts, "</svg>", ""])


def terminal_chart(diagram: Diagram, columns: int) -> str:
    """Draw a diagram as text, for a terminal so many columns wide."""
    import plotext

    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(columns, _TERMINAL_ROWS)
    figure.title(diagram.title)
    figure.canvas("default")
    figure.label(diagram.x, "x")
    for number, curve in enumerate(diagram.curves):
        signal = figure.signal(
            [point.x for point in curve.points],
            [point.y for point in curve.points],
            marker=plotext.marker("braille", _FIRST_TERMINAL_COLOR + number),
        )
        signal.label(curve.name)
        signal.lines()
        figure.draw(signal)
    for axis, log in (("x", diagram.log_x), ("y", diagram.log_y)):
        if log:
            figure.ruler(axis, 0).scale("log")
    return _PLOTEXT_COLORS.sub("", figure.build().string())


def _short(value: float) -> str:
    """Format a number briefly: 1,500 as 1.5k."""
    for limit, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"


def _curves(diagram: Diagram, x: Axis, y: Axis, floor: float) -> list[str]:
    parts = []
    legend_at = float(_LEFT)
    for index, curve in enumerate(diagram.curves):
        color = _COLORS[index % len(_COLORS)]
        places = [(_LEFT + x.at(p.x), floor - y.at(p.y)) for p in curve.points]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in _medians(places))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{color}"/>' for px, py in places
        ]
        parts.append(
            f'<rect x="{legend_at:.0f}" y="{_HEIGHT - 22}" width="12" height="12" fill="{color}"/>'
        )
        parts.append(_text(legend_at + 17, _HEIGHT - 12, curve.name, anchor="start"))
        legend_at += 34 + 6.6 * len(curve.name)
    return parts


def _medians(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return one place for all that are above each other: a line through each would go up and down."""
    at = dict[float, list[float]]()
    for px, py in places:
        at.setdefault(px, []).append(py)
    return [(px, median(found)) for px, found in at.items()]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{_TEXT_COLOR}" stroke-opacity="0.35"/>'
    )


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{_TEXT_COLOR}" font-size="{size}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
