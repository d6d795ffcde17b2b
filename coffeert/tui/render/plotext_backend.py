"""Draws curves as text with plotext, which only this file knows.

plotext has one global figure, so nothing here may run on two threads at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

Run = tuple[str, int]
"""A piece of one row of a canvas, and the number of the curve it belongs to, or -1."""

_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_COLOR = re.compile(r"38;5;(\d+)")
_FIRST_COLOR = 20  # colours are only used to tell the curves apart in the output


class PlotSeries(NamedTuple):
    """Points of a curve: `xs` in columns from 0, `ys` as values.

    `marker` is a name that plotext knows, or one character.
    """

    xs: Sequence[float]
    ys: Sequence[float]
    marker: str


class Plot(Protocol):
    """Draws curves onto a canvas of characters; later curves lie over earlier ones."""

    def __call__(
        self,
        curves: Sequence[PlotSeries],
        columns: int,
        rows: int,
        y: tuple[float, float],
    ) -> list[list[Run]]:
        """Return `rows` rows of runs, each row `columns` wide."""
        ...


def plot(
    curves: Sequence[PlotSeries],
    columns: int,
    rows: int,
    y: tuple[float, float],
) -> list[list[Run]]:
    """Draw curves with plotext."""
    import plotext

    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(columns, rows)
    figure.axes(False)
    figure.canvas("default")
    figure.legend(False)
    for side in (0, 1):
        figure.ruler("x", side).frequency(0)
        figure.ruler("y", side).frequency(0)
    figure.ruler("x", 0).lim(0, max(1, columns - 1))
    figure.ruler("y", 0).lim(*y)
    for number, curve in enumerate(curves):
        marker = plotext.marker(curve.marker, _FIRST_COLOR + number)
        signal = figure.signal(list(curve.xs), list(curve.ys), marker=marker)
        signal.lines()
        signal.density("full")
        figure.draw(signal)
    rendered: str = figure.build().string()
    return [_runs(row) for row in rendered.split("\n")[:rows]]


def _runs(row: str) -> list[Run]:
    runs: list[Run] = []
    curve = -1
    at = 0
    for match in _SGR.finditer(row):
        if match.start() > at:
            runs.append((row[at : match.start()], curve))
        color = _COLOR.search(match[1])
        curve = int(color[1]) - _FIRST_COLOR if color else -1
        at = match.end()
    if at < len(row):
        runs.append((row[at:], curve))
    return runs
