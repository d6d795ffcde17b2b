"""Draws a chart: a filled curve in front of the dim one that it is compared with, and both axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from coffeert.tui.render.canvas import Canvas
from coffeert.tui.render.chart import ChartModel
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import (
    AREA_STEPS,
    Line,
    Span,
    area_role,
    full_role,
    line,
    line_role,
    over_role,
)

_BAR_COLUMNS: Final = 4
"""From so many columns a bucket on, buckets are bars; narrower ones are points of a curve."""
_NARROWEST_BAR: Final = 2
_LOWEST_CANVAS, _NARROWEST_CANVAS = 2, 8


def title_of(model: ChartModel, glyphs: Glyphs) -> Line:
    """Return the title: figure, range, filter, zone."""
    return line(Span(model.title, "title"))


def legend_of(model: ChartModel, glyphs: Glyphs) -> Line:
    """Explain the two curves."""
    spans = [Span(glyphs.bar, area_role(AREA_STEPS[-1])), Span(f" {model.now_name}", "text")]
    if model.compared:
        spans += [Span(f"  {glyphs.bar_empty}", "ghost"), Span(f" {model.compared_name}", "dim")]
    return tuple(spans)


def note_of(model: ChartModel) -> Line:
    """Return the exact values under the crosshair, or the peak."""
    if model.cursor is None or not 0 <= model.cursor < len(model.values):
        return (
            line(Span(peak_of(model), "dim")) if not model.note else line(Span(model.note, "dim"))
        )
    value = model.values[model.cursor]
    shown = "no data" if value is None else model.figure(value)
    if value is None and model.running is not None and model.cursor > model.running:
        shown = "still to come"
    partial = " so far" if model.cursor == model.running else ""
    text = f"{model.labels[model.cursor]}  {shown}{partial}"
    before = model.compared[model.cursor] if model.cursor < len(model.compared) else None
    if before is not None:
        text += f"  {model.compared_name} {model.figure(before)}"
    return line(Span(text, "accent"))


def peak_of(model: ChartModel) -> str:
    """Name the greatest bucket that is over."""
    over = [
        (value, -index)
        for index, value in enumerate(model.values)
        if value and index != model.running
    ]
    if not over:
        return ""
    value, index = max(over)
    return f"peak {model.labels[-index]} {model.figure(value)} {model.bucket_name}"


def axis_cells(model: ChartModel, rows: int) -> int:
    """Return the cells that value labels and axis take."""
    labels = _value_labels(model, max(_LOWEST_CANVAS, rows))
    return max(map(len, labels.values()), default=1) + 1


def index_at(column: int, count: int, columns: int) -> int:
    """Return the bucket at a column of the canvas."""
    return max(0, min(count - 1, (2 * column + 1) * count // (2 * max(1, columns))))


def column_of(index: int, count: int, columns: int) -> int:
    """Return the column in the middle of a bucket."""
    return min(columns - 1, (2 * index + 1) * columns // (2 * max(1, count)))


def draw_chart(model: ChartModel, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """Draw a chart into `rows` lines of `cells` cells: value axis, canvas, time axis."""
    height = rows - 1
    axis = axis_cells(model, height)
    columns = cells - axis
    if height < _LOWEST_CANVAS or columns < _NARROWEST_CANVAS or not model.values:
        return []
    canvas = Canvas(columns, height)
    labels = _value_labels(model, height)
    per_bucket = columns // len(model.values)
    bars = per_bucket >= (_NARROWEST_BAR if model.bars else _BAR_COLUMNS)
    known = model.values[: model.running] if model.running is not None else model.values
    ghost = _heights(model.compared, model, columns, bars=bars, side=1)
    own = _heights(known, model, columns, bars=bars, side=0)
    _fill(canvas, ghost, own, glyphs)
    _hatch(canvas, model, glyphs)
    _running(canvas, model, own, glyphs, bars=bars)
    _mark(canvas, model, glyphs)
    for y in labels:
        if 0 < y < height - 1:
            canvas.write(0, y, glyphs.dotted * columns, "frame", behind=True)
    drawn = []
    for y in range(height):
        label = labels.get(y, "")
        tick = glyphs.tick_left if label else glyphs.vertical
        drawn.append((Span(f"{label:>{axis - 1}}", "dim"), Span(tick, "frame"), *canvas.line(y)))
    drawn.append((Span(" " * axis), *_time_axis(model, columns)))
    return drawn


def _heights(
    values: Sequence[int | None], model: ChartModel, columns: int, *, bars: bool, side: int
) -> list[float | None]:
    """Return the height at each column, from 0 to 1; `None` if nothing is known or to be drawn."""
    count = len(model.values)
    heights: list[float | None] = [None] * columns
    if bars:
        for index, value in enumerate(values):
            left, right = columns * index // count, columns * (index + 1) // count
            if value is not None:
                # Own bars stand a little to the left, so that both are seen if there is room.
                shift = 1 if right - left >= _BAR_COLUMNS else 0
                for x in range(left + side * shift, right - 1 - shift + side * shift):
                    heights[x] = max(0, value) / model.top
        return heights
    for x in range(columns):
        at = (x + 0.5) * count / columns - 0.5
        index = max(0, int(at))
        part = max(0.0, at - index)
        here = values[index] if index < len(values) else None
        beside = values[index + 1] if index + 1 < len(values) else here
        if here is not None and at < len(values) - 0.5:
            level = here if beside is None else here + (beside - here) * part
            heights[x] = max(0.0, level) / model.top
    return heights


def _fill(
    canvas: Canvas, ghost: Sequence[float | None], own: Sequence[float | None], glyphs: Glyphs
) -> None:
    steps = glyphs.spark if glyphs.name != "ascii" else glyphs.bar
    rows = canvas.rows
    before = 0
    for x in range(canvas.columns):
        behind = round((ghost[x] or 0.0) * rows * 8)
        # Through the curve the compared one is a line, without gaps where it is steep.
        low, high = sorted((behind, before or behind))
        before = behind
        front = round((own[x] or 0.0) * rows * 8)
        if ghost[x] and behind == 0:
            behind = 1
        for y in range(rows):
            floor = (rows - 1 - y) * 8  # eighths of a row below this one
            shade = AREA_STEPS[min(len(AREA_STEPS) - 1, (rows - 1 - y) * len(AREA_STEPS) // rows)]
            ghost_here = behind - floor
            filled = front - floor
            if filled >= 8:
                crossed = behind and floor < high and floor + 8 >= low
                role = line_role(shade) if crossed else full_role(shade)
                canvas.write(x, y, glyphs.dotted if crossed else glyphs.bar, role)
            elif filled > 0:
                char = steps[min(len(steps) - 1, filled * len(steps) // 8)]
                over = ghost_here >= 8
                canvas.write(x, y, char, over_role(shade) if over else area_role(shade))
            elif ghost_here >= 4 or (floor == 0 and ghost_here > 0):
                canvas.write(x, y, glyphs.bar_empty, "ghost")


def _hatch(canvas: Canvas, model: ChartModel, glyphs: Glyphs) -> None:
    count = len(model.values)
    last = count if model.running is None else model.running + 1
    for index, value in enumerate(model.values[:last]):
        if value is None:
            for x in range(canvas.columns * index // count, canvas.columns * (index + 1) // count):
                for y in range(canvas.rows):
                    if (x + y) % 2 == 0:
                        canvas.write(x, y, glyphs.hatch, "hatch")


def _running(
    canvas: Canvas, model: ChartModel, own: Sequence[float | None], glyphs: Glyphs, *, bars: bool
) -> None:
    """Draw the running bucket as a hollow column, and the pace as the end of the curve."""
    if model.running is None or model.values[model.running] is None:
        return
    count, rows = len(model.values), canvas.rows
    left = canvas.columns * model.running // count
    right = max(left + 1, canvas.columns * (model.running + 1) // count)
    if bars:
        right -= 2 if right - left >= _BAR_COLUMNS else 1
    height = round(max(0, model.values[model.running] or 0) / model.top * rows)
    _hollow_column(canvas, left, right, rows - height, glyphs)
    if model.pace is None:
        return
    y = _row_of(model.pace, model.top, rows)
    if bars:
        canvas.write(left, y, glyphs.ring, "accent")
        return
    end = min(right - 1, left + int(model.elapsed * (right - left)))
    last = next((x for x in range(left - 1, -1, -1) if own[x] is not None), None)
    if last is not None:
        start = _row_of((own[last] or 0.0) * model.top, model.top, rows)
        for x in range(last + 1, end):
            at = round(start + (y - start) * (x - last) / (end - last))
            canvas.write(x, at, glyphs.dotted, "running")
    canvas.write(end, y, glyphs.ring, "accent")


def _hollow_column(canvas: Canvas, left: int, right: int, top: int, glyphs: Glyphs) -> None:
    for y in range(top, canvas.rows):
        for x in range(left, right):
            if right - left < 3:
                canvas.write(x, y, glyphs.shade, "running")
            elif y == top or x in (left, right - 1):
                canvas.write(x, y, _hollow(x, y, left, right, top, glyphs), "running")


def _hollow(x: int, y: int, left: int, right: int, top: int, glyphs: Glyphs) -> str:
    if y == top:
        corners = glyphs.corners
        return corners[0] if x == left else corners[1] if x == right - 1 else glyphs.horizontal
    return glyphs.vertical


def _mark(canvas: Canvas, model: ChartModel, glyphs: Glyphs) -> None:
    """Draw limits as lines with their names at the right, and the crosshair."""
    for value, text in model.marks:
        if 0 <= value <= model.top:
            row = _row_of(value, model.top, canvas.rows)
            canvas.write(0, row, glyphs.dotted * canvas.columns, "warn", behind=True)
            label = f" {glyphs.up} {text} "
            canvas.write(canvas.columns - len(label), row, label, "warn")
    if model.cursor is not None and 0 <= model.cursor < len(model.values):
        x = column_of(model.cursor, len(model.values), canvas.columns)
        for row in range(canvas.rows):
            canvas.write(x, row, glyphs.crosshair, "accent", behind=True)
        value_there = model.values[model.cursor]
        if value_there is not None:
            canvas.write(x, _row_of(value_there, model.top, canvas.rows), glyphs.dot, "accent")


def _row_of(value: float, top: float, rows: int) -> int:
    """Return the row in which a column of this height ends."""
    return min(rows - 1, max(0, rows - 1 - int(value / top * rows - 1e-9)))


def _value_labels(model: ChartModel, height: int) -> dict[int, str]:
    """Return the labels of the value axis by row, all in one form."""
    ticks = {0: model.top, height - 1: 0.0}
    if height >= 5:
        ticks[_row_of(model.top / 2, model.top, height)] = model.top / 2
    if model.metric == "orders":
        return {row: f"{value:,.0f}" if value == int(value) else "" for row, value in ticks.items()}
    currency = model.currency
    scale = 10**currency.places
    whole = all(round(value) % scale == 0 for value in ticks.values())
    form = currency.whole if whole else currency.text
    if model.top >= 100_000 * scale:
        form = currency.short
    return {row: form(round(value)) for row, value in ticks.items()}


def _time_axis(model: ChartModel, columns: int) -> Line:
    count = len(model.values)
    text = [" "] * columns
    if model.ticks:
        longest = max(len(label) for _, label in model.ticks)
        every = max(1, -(-len(model.ticks) * (longest + 2) // max(1, columns)))
        free_from = 0
        for index, label in model.ticks[::every]:
            at = columns * index // count
            if count * _BAR_COLUMNS <= columns and len(label) > 2:
                at = max(0, column_of(index, count, columns) - len(label) // 2)
            if at >= free_from and at + len(label) <= columns:
                text[at : at + len(label)] = label
                free_from = at + len(label) + 1
    return line(Span("".join(text), "dim"))
