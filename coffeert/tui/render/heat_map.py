"""The usual week: how many orders an hour, by weekday and hour, of the last 28 days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import AREA_STEPS, Line, Role, Span, area_role, line

_WEEKDAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LABEL_CELLS: Final = 4


@dataclass(frozen=True, slots=True)
class HeatMapModel:
    """Orders an hour by (weekday 1 to 7, hour), on days that traded; `now` is the present one."""

    cells: Mapping[tuple[int, int], float]
    now: tuple[int, int] | None = None
    title: str = "Usual week"
    missing: str = ""

    @property
    def hours(self) -> range:
        """From the first hour in which anything is usually sold to the last."""
        sold = {hour for (_, hour), orders in self.cells.items() if orders > 0}
        return range(min(sold), max(sold) + 1) if sold else range(0)

    @property
    def busiest(self) -> tuple[tuple[int, int], float] | None:
        """The hour with the most orders."""
        best = max(self.cells.items(), key=lambda item: (item[1], item[0]), default=None)
        return best if best is not None and best[1] > 0 else None


def heat_map_of(context: FrameContext, title: str) -> HeatMapModel:
    """Return the usual week as the report has it."""
    report = context.reports.week
    local = context.now.astimezone(context.zone)
    now = (local.isoweekday(), local.hour) if len(context.zones) <= 1 else None
    if report is None:
        why = context.reports.missing or "asking the server"
        return HeatMapModel({}, now, title, why)
    cells = {
        (int(row.keys[0]), int(row.keys[1][:2])): row.figures.orders / row.days
        for row in report.rows
        if row.days
    }
    missing = "" if any(cells.values()) else "no days that are over yet"
    return HeatMapModel(cells, now, title, missing)


def note_of(model: HeatMapModel) -> Line:
    """Name the busiest hour."""
    if model.busiest is None:
        return line(Span("orders per hour", "dim"))
    (weekday, hour), orders = model.busiest
    text = (
        f"busiest {_DAYS[weekday - 1][:3]} {hour:02d}-{(hour + 1) % 24:02d}, {orders:,.0f} an hour"
    )
    return line(Span(text, "dim"))


def draw_heat_map(model: HeatMapModel, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """Draw hours from left to right and weekdays from top to bottom."""
    if model.missing or not model.hours:
        return [line(Span(f" {model.missing or 'nothing sold yet'}", "dim"))]
    hours = model.hours
    wide = max(1, min(6, (cells - _LABEL_CELLS - 1) // len(hours)))
    high = max(1, min(3, (rows - 1) // 7))
    top = max(model.cells.values())
    lines = [_heading(hours, wide)]
    for weekday in range(1, 8):
        today = model.now is not None and model.now[0] == weekday
        for part in range(high):
            label_role: Role = "strong" if today else "dim"
            label = _WEEKDAYS[weekday - 1] if part == 0 else ""
            spans = [Span(f" {label:<{_LABEL_CELLS - 1}}", label_role)]
            for hour in hours:
                orders = model.cells.get((weekday, hour), 0.0)
                text, role = _shade(orders / top, wide, glyphs)
                if today and model.now == (weekday, hour) and part == 0:
                    text = glyphs.ring + text[1:]
                    role = "accent"
                spans.append(Span(text, role))
            lines.append(tuple(spans))
    return lines[:rows]


def _shade(part: float, cells: int, glyphs: Glyphs) -> tuple[str, Role]:
    if part <= 0:
        return " " * cells, "dim"
    step = min(len(AREA_STEPS) - 1, int(part * len(AREA_STEPS)))
    return glyphs.shades[step] * cells, area_role(AREA_STEPS[step])


def _heading(hours: range, wide: int) -> Line:
    text = [" "] * (len(hours) * wide)
    every = next(step for step in (1, 2, 3, 4, 6, 24) if step * wide >= 3)
    for index, hour in enumerate(hours):
        if hour % every == 0 and index * wide + 2 <= len(text):
            text[index * wide : index * wide + 2] = f"{hour:02d}"
    return line(Span(" " * _LABEL_CELLS + "".join(text), "dim"))
