"""Draws a chart: a window as a curve over the one before, with gaps and the running bucket marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from coffeert.tui.render.chart import ChartModel, Metric
from coffeert.tui.render.format import short
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.plotext_backend import Plot, PlotSeries
from coffeert.tui.render.spans import Line, Role, Span, line

_BLANK = " \N{BRAILLE PATTERN BLANK}"
_AXIS = 6  # cells for the value labels
_MIN_HEIGHT: Final[dict[Metric, int]] = {"orders": 2, "revenue": 200}
"""Least value at the top of the axis: two orders, two units of money, so that noise looks small."""

_ROLES: Final[dict[Metric, Role]] = {"orders": "series-1", "revenue": "series-2"}


def nice_ceiling(value: float) -> float:
    """Return the smallest round number (1 to 8 times a power of ten) that is not below `value`."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
        if factor * power >= value * (1 - 1e-12):
            return factor * power
    return 10 * power


def column_of(index: int, count: int, columns: int) -> int:
    """Return the column at which a bucket's point lies."""
    return columns - 1 if count <= 1 else round(index * (columns - 1) / (count - 1))


def index_at(column: int, count: int, columns: int) -> int:
    """Return the bucket whose point is nearest to a column."""
    return min(range(count), key=lambda index: abs(column_of(index, count, columns) - column))


def canvas_columns(cells: int) -> int:
    """Return how many columns are left for the curve in a panel's inner width."""
    return max(1, cells - _AXIS - 1)


def title_of(model: ChartModel, glyphs: Glyphs) -> Line:
    """Name the chart and explain its curves."""
    name = "Orders" if model.metric == "orders" else "Revenue"
    almost = f"{glyphs.almost} " if model.approximate else ""
    pieces = line(
        Span(f"{almost}{name}/{model.unit}", "title"),
        Span(f" {glyphs.horizontal} now", _ROLES[model.metric]),
    )
    if model.previous:
        pieces += (Span(f" {glyphs.dotted} before", "previous"),)
    return pieces


def note_of(model: ChartModel) -> Line:
    """Return the exact values under the crosshair, or of the last complete bucket."""
    count = len(model.values)
    index = model.cursor if model.cursor is not None else count - 2
    if not 0 <= index < count:
        return ()
    value = model.values[index]
    shown = "no data" if value is None else model.figure(value)
    text = f"{model.labels[index]} = {shown}"
    if model.cursor is not None and index < len(model.previous):
        before = model.previous[index]
        text += "" if before is None else f" (before {model.figure(before)})"
    partial = " so far" if index == count - 1 else ""
    return line(Span(text + partial, "accent" if model.cursor is not None else "dim"))


def draw_chart(model: ChartModel, cells: int, rows: int, glyphs: Glyphs, plot: Plot) -> list[Line]:
    """Draw a chart into `rows` lines of `cells` cells: value axis, canvas, time axis."""
    columns, height = canvas_columns(cells), rows - 1
    if height < 2 or columns < 8:
        return []
    known = [v for v in (*model.values, *model.previous) if v is not None]
    low = -nice_ceiling(-min(known)) if known and min(known) < 0 else 0.0
    high = nice_ceiling(max([*known, _MIN_HEIGHT[model.metric]]))
    curves, roles = _curves(model, columns, glyphs)
    runs = plot(curves, columns, height, (low, high))
    canvas = _Canvas(columns, height)
    _hatch(canvas, model, columns, glyphs)
    for y, row in enumerate(runs):
        x = 0
        for text, curve in row:
            if curve >= 0:
                canvas.write(x, y, text, roles[curve], transparent=True)
            x += len(text)
    _mark(canvas, model, columns, (low, high), glyphs)
    labels = _value_labels(model, low, high, height)
    lines = []
    for y in range(height):
        label = labels.get(y, "")
        tick = glyphs.tick_left if label else glyphs.vertical
        lines.append((Span(f"{label:>{_AXIS}}", "dim"), Span(tick, "frame"), *canvas.line(y)))
    lines.append(_time_axis(model, columns))
    return lines


def _curves(model: ChartModel, columns: int, glyphs: Glyphs) -> tuple[list[PlotSeries], list[Role]]:
    curves: list[PlotSeries] = []
    roles: list[Role] = []
    main = _ROLES[model.metric]
    count = len(model.values)
    for points in _known_runs(model.previous):
        curves.append(_curve(points, count, columns, glyphs.second))
        roles.append("previous")
    known_runs = _known_runs(model.values)
    if known_runs and known_runs[-1][-1][0] == count - 1 and len(known_runs[-1]) > 1:
        running = known_runs[-1][-2:]
        known_runs[-1] = known_runs[-1][:-1]
        curves.append(_curve(running, count, columns, glyphs.marker))
        roles.append("dim")
    for points in known_runs:
        curves.append(_curve(points, count, columns, glyphs.marker))
        roles.append(main)
    return curves, roles


def _known_runs(values: Sequence[int | None]) -> list[list[tuple[int, int]]]:
    known_runs: list[list[tuple[int, int]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            known_runs.append([])
        else:
            known_runs[-1].append((index, value))
    return [points for points in known_runs if points]


def _curve(points: Sequence[tuple[int, int]], count: int, columns: int, marker: str) -> PlotSeries:
    xs = [float(column_of(index, count, columns)) for index, _ in points]
    ys = [float(value) for _, value in points]
    if len(xs) == 1:
        xs, ys = xs * 2, ys * 2
    return PlotSeries(xs, ys, marker)


def _hatch(canvas: _Canvas, model: ChartModel, columns: int, glyphs: Glyphs) -> None:
    count = len(model.values)
    for index, value in enumerate(model.values):
        if value is None:
            left = column_of(index - 1, count, columns) + 1 if index else 0
            right = column_of(index + 1, count, columns) - 1 if index + 1 < count else columns - 1
            here = column_of(index, count, columns)
            for x in range((left + here) // 2, (right + here + 1) // 2 + 1):
                for y in range(canvas.rows):
                    if (x + y) % 2 == 0:
                        canvas.write(x, y, glyphs.hatch, "hatch")


def _mark(
    canvas: _Canvas, model: ChartModel, columns: int, y: tuple[float, float], glyphs: Glyphs
) -> None:
    count = len(model.values)
    for value, text in model.marks:
        if y[0] <= value <= y[1]:
            row = _row_of(value, y, canvas.rows)
            for x in range(columns):
                canvas.write(x, row, glyphs.dotted, "warn", behind=True)
            canvas.write(1, row, f"{glyphs.up} {text} ", "warn")
    last = model.values[-1] if model.values else None
    if last is not None:
        canvas.write(columns - 1, _row_of(last, y, canvas.rows), glyphs.ring, "accent")
    if model.cursor is not None and 0 <= model.cursor < count:
        x = column_of(model.cursor, count, columns)
        for row in range(canvas.rows):
            canvas.write(x, row, glyphs.crosshair, "accent", behind=True)
        value_there = model.values[model.cursor]
        if value_there is not None:
            canvas.write(x, _row_of(value_there, y, canvas.rows), glyphs.dot, "accent")


def _row_of(value: float, y: tuple[float, float], rows: int) -> int:
    part = (value - y[0]) / (y[1] - y[0])
    return min(rows - 1, max(0, round((1 - part) * (rows - 1))))


def _value_labels(model: ChartModel, low: float, high: float, height: int) -> dict[int, str]:
    ticks = {0: high, height - 1: low}
    if height >= 5:
        ticks[_row_of((low + high) / 2, (low, high), height)] = (low + high) / 2
    scale = 100 if model.metric == "revenue" else 1
    return {row: short(value / scale) for row, value in ticks.items()}


def _time_axis(model: ChartModel, columns: int) -> Line:
    count = len(model.labels)
    text = [" "] * columns
    label_width = max((len(label) for label in model.labels), default=0)
    every = max(1, -(-count * (label_width + 4) // max(1, columns)))
    free_from = 0
    for index in range((count - 1) % every, count, every):
        label = model.labels[index]
        at = column_of(index, count, columns) - len(label) // 2
        at = max(0, min(at, columns - len(label)))
        if at >= free_from and at + len(label) <= columns:
            text[at : at + len(label)] = label
            free_from = at + len(label) + 1
    return (Span(" " * (_AXIS + 1)), Span("".join(text), "dim"))


class _Canvas:
    """Characters, each with a role, that can be written over one another."""

    __slots__ = ("_chars", "_roles", "columns", "rows")

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self._chars = [[" "] * columns for _ in range(rows)]
        self._roles: list[list[Role]] = [["text"] * columns for _ in range(rows)]

    def write(
        self,
        x: int,
        y: int,
        text: str,
        role: Role,
        *,
        transparent: bool = False,
        behind: bool = False,
    ) -> None:
        """Write text; `transparent` blanks leave what is there, `behind` fills only what is blank."""
        if not 0 <= y < self.rows:
            return
        for offset, char in enumerate(text):
            at = x + offset
            if not 0 <= at < self.columns:
                continue
            if (transparent and char in _BLANK) or (behind and self._chars[y][at] not in _BLANK):
                continue
            self._chars[y][at] = char
            self._roles[y][at] = role

    def line(self, y: int) -> Line:
        """Return one row as spans."""
        spans: list[Span] = []
        chars, roles = self._chars[y], self._roles[y]
        start = 0
        for x in range(1, self.columns + 1):
            if x == self.columns or roles[x] != roles[start]:
                spans.append(Span("".join(chars[start:x]), roles[start]))
                start = x
        return tuple(spans)
