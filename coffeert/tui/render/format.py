"""Formats numbers: money, counts, sizes, ages, trends, sparklines and bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.tui.render.glyphs import Glyphs

Direction = Literal["up", "down", "flat", "unknown"]

_FLAT = 0.0005  # what rounds to 0.0 % is no change


class Trend(NamedTuple):
    """How a number compares with the window before; `part` is 0.08 for 8 % more.

    "unknown" with a positive `part` means that it is new: there was nothing before.
    """

    direction: Direction
    part: float = 0.0

    def text(self, glyphs: Glyphs) -> str:
        """Write it as `▲ 8.1%`, or `▲ x12` where percents would be unwieldy."""
        if self.direction == "unknown":
            return f"{glyphs.flat} new" if self.part > 0 else f"{glyphs.flat} n/a"
        sign = {"up": glyphs.up, "down": glyphs.down, "flat": glyphs.flat}[self.direction]
        percent = abs(self.part) * 100
        if percent >= 1000:
            return f"{sign} x{short(round(self.part + 1))}"
        return f"{sign} {percent:.1f}%" if percent < 100 else f"{sign} {percent:.0f}%"


def trend(now: float, before: float | None) -> Trend:
    """Compare two numbers; the trend is unknown if the one before is missing, zero or negative."""
    if before is None or (before <= 0 and now <= 0):
        return Trend("unknown")
    if before <= 0:
        return Trend("unknown", 1.0)
    part = now / before - 1
    if abs(part) < _FLAT:
        return Trend("flat", part)
    return Trend("up" if part > 0 else "down", part)


def money(cents: int, places: int = DEFAULT_PLACES) -> str:
    """Write minor units with so many decimal places as `1,234.50`."""
    sign, scale = "-" if cents < 0 else "", 10**places
    fraction = f".{abs(cents) % scale:0{places}d}" if places else ""
    return f"{sign}{abs(cents) // scale:,}{fraction}"


def short_money(cents: int, places: int = DEFAULT_PLACES) -> str:
    """Write money in few cells: whole units from 10,000, then k and M."""
    scale = 10**places
    if abs(cents) < 10_000 * scale:
        return money(cents, places)
    return short(cents / scale)


def short(value: float) -> str:
    """Write a number in at most six cells: `812`, `12.4`, `48.1k`, `3.2M`."""
    size = abs(value)
    if size < 10_000:
        if value == int(value):
            return f"{int(value):,}"
        return f"{value:.1f}" if size < 1000 else f"{value:,.0f}"
    for limit, unit in ((1e6, "k"), (1e9, "M"), (1e12, "G"), (math.inf, "T")):
        if size < limit * 0.9995:
            scaled = value / (limit / 1000 if limit is not math.inf else 1e12)
            return f"{scaled:.1f}{unit}" if abs(scaled) < 100 else f"{scaled:.0f}{unit}"
    return f"{value:.0e}"


def size(count: float) -> str:
    """Write bytes as `512 B`, `12.0 KiB`, `3.4 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def ago(seconds: float) -> str:
    """Write an age: `0.2s`, `14s`, `3m`, `2h`, `4d`."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 90:
        return f"{seconds:.0f}s"
    if seconds < 5400:
        return f"{seconds / 60:.0f}m"
    if seconds < 129_600:
        return f"{seconds / 3600:.0f}h"
    return f"{seconds / 86400:.0f}d"


def milliseconds(value: float) -> str:
    """Write milliseconds with one decimal below 10, else without."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def spark(values: Sequence[float | None], cells: int, glyphs: Glyphs) -> str:
    """Draw values as a sparkline from zero to their greatest, the newest last; `None` is a gap."""
    if cells <= 0 or not values:
        return " " * max(0, cells)
    shown = resample(values, cells)
    top = max((value for value in shown if value is not None), default=0.0)
    steps = glyphs.spark
    drawn = [
        " " if value is None else steps[0 if top <= 0 else _step(value / top, len(steps))]
        for value in shown
    ]
    return "".join(drawn).rjust(cells)


def area(values: Sequence[float | None], cells: int, rows: int, glyphs: Glyphs) -> list[str]:
    """Draw values as an area over several lines, from zero to their greatest, the newest last."""
    shown = resample(values, cells) if values else []
    top = max((value for value in shown if value is not None), default=0.0)
    steps = len(glyphs.spark)
    heights = [
        0 if value is None or top <= 0 else max(1, round(value / top * rows * steps))
        for value in shown
    ]
    drawn = []
    for row in range(rows):
        floor = (rows - 1 - row) * steps
        line = "".join(
            " " if high <= floor else glyphs.spark[min(steps, high - floor) - 1] for high in heights
        )
        drawn.append(line.rjust(cells))
    return drawn


def resample(values: Sequence[float | None], cells: int) -> list[float | None]:
    """Return at most `cells` values, averaging neighbours, or repeating each up to three times."""
    count = len(values)
    if count > cells:
        averaged: list[float | None] = []
        for index in range(cells):
            part = values[index * count // cells : max((index + 1) * count // cells, 1)]
            known = [value for value in part if value is not None]
            averaged.append(sum(known) / len(known) if known else None)
        return averaged
    repeat = max(1, min(cells // count, 3))
    return [value for value in values for _ in range(repeat)]


def bar(part: float, cells: int, glyphs: Glyphs) -> str:
    """Draw a share from 0 to 1 as a bar, in eighths of a cell if the glyphs have them."""
    part = min(1.0, max(0.0, part))
    if glyphs.name == "ascii":
        return (glyphs.bar * round(part * cells)).ljust(cells)
    eighths = round(part * cells * 8)
    partial = " ▏▎▍▌▋▊▉"[eighths % 8]
    drawn = glyphs.bar * (eighths // 8) + (partial if eighths % 8 else "")
    return drawn.ljust(cells)


def gauge(part: float, cells: int, glyphs: Glyphs) -> str:
    """Draw a share from 0 to 1 as a bar whose empty rest shows."""
    full = round(min(1.0, max(0.0, part)) * cells)
    if part >= 0.005 and full == 0:  # less is written as 0 %
        full = 1
    return glyphs.bar * full + glyphs.bar_empty * (cells - full)


def _step(part: float, steps: int) -> int:
    return max(0, min(steps - 1, math.ceil(part * steps) - 1))
