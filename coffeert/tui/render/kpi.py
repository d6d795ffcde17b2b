"""The key figures: orders, revenue, per minute, average ticket, silent stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coffeert.alert_rules import silent_stores
from coffeert.domain.rollups import BUCKETS, Totals, floor, sliding_minute
from coffeert.printable import printable
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.filter import Filter
from coffeert.tui.model.window import Window
from coffeert.tui.render.format import (
    Trend,
    ago,
    gauge,
    money,
    short,
    short_money,
    spark,
    trend,
)
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, fit_line, line, line_width, spread
from coffeert.tui.render.text import crop, width

_SPARK_MINUTES = 30
_MAX_MINUTES = BUCKETS["minute"] - 1


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure, with a sparkline of `spark` (newest last) or a bar of `part` (0 to 1) under it."""

    name: str
    value: str
    trend: Trend | None = None
    against: str = ""
    note: str = ""
    note_role: Role = "dim"
    spark: tuple[float | None, ...] = ()
    part: float | None = None
    role: Role = "series-1"
    in_full: str = ""
    """The value with every digit, if there is room."""


def tiles_of(context: FrameContext, sums: BucketSumCache) -> tuple[Tile, ...]:
    """Return the key figures."""
    window = context.window
    if window is None or context.view is None:
        return tuple(
            Tile(name, "-") for name in ("Orders", "Revenue", "Per minute", "Avg ticket", "Stores")
        )
    now, before = window.sums.total, None if window.previous is None else window.previous.total
    against = f"vs prev {window.span.name}"
    if before is None:
        against = f"prev {window.span.name} not known"
    almost = context.glyphs.almost if sums.wanted.approximate else ""
    rate = orders_per_minute(sums, window.now)
    history = _history(sums, window)

    def change(figure: Callable[[Totals], float]) -> Trend:
        return trend(figure(now), None if before is None else figure(before))

    rate_before = None if before is None else before.orders / max(window.elapsed_minutes, 1e-9)
    average = almost + money(ticket(now), context.places) if now.orders else "-"
    orders = tuple(float(t.orders) for t in history)
    cents = tuple(float(t.cents) for t in history)
    tickets = tuple(float(ticket(t)) if t.orders > 0 else None for t in history)
    minutes = _minutes(sums, window.now)
    per_minute = almost + short(round(rate, 1))
    return (
        Tile("Orders", f"{almost}{now.orders:,}", change(_orders), against, spark=orders),
        Tile(
            "Revenue",
            almost + short_money(now.cents, context.places),
            change(_cents),
            against,
            in_full=almost + money(now.cents, context.places),
            spark=cents,
            role="series-2",
        ),
        Tile("Per minute", per_minute, trend(rate, rate_before), against, spark=minutes),
        Tile("Avg ticket", average, change(ticket), against, spark=tickets, role="series-2"),
        _stores(context, sums.wanted),
    )


def _orders(totals: Totals) -> int:
    return totals.orders


def _cents(totals: Totals) -> int:
    return totals.cents


def ticket(totals: Totals) -> int:
    """Return the average revenue of an order, in cents, rounded half to even."""
    return round(totals.cents / totals.orders) if totals.orders else 0


def orders_per_minute(sums: BucketSumCache, now: float) -> float:
    """Return the orders of the last sixty seconds."""
    return sliding_minute(lambda start: sums.bucket("minute", start).total, now)[0]


def _history(sums: BucketSumCache, window: Window) -> tuple[Totals, ...]:
    if len(window.bucket_totals) >= 15:
        return window.bucket_totals
    minute = floor(int(window.now), "minute")
    starts = range(minute - (_SPARK_MINUTES // 2 - 1) * 60, minute + 60, 60)
    return tuple(sums.bucket("minute", start).total for start in starts)


def _minutes(sums: BucketSumCache, now: float) -> tuple[float | None, ...]:
    minute = floor(int(now), "minute")
    starts = range(minute - _SPARK_MINUTES * 60, minute, 60)
    return tuple(float(sums.bucket("minute", start).total.orders) for start in starts)


def _stores(context: FrameContext, wanted: Filter) -> Tile:
    assert context.view is not None
    assert context.window is not None
    codes = context.stores(wanted)
    silent = silent_stores(context.view.cube, codes, context.window.now)
    selling = len(codes) - len(silent)
    note = "all selling" if codes else "no stores"
    warn: Role = "dim"
    if silent:
        code, gap = silent[0]
        note = f"! {printable(code)} silent {silence_text(gap)}"
        warn = "warn"
    return Tile(
        "Stores",
        f"{selling}/{len(codes)}",
        note=note,
        note_role=warn,
        part=selling / len(codes) if codes else 0.0,
        role="good",
    )


def silence_text(gap: float) -> str:
    """Return for how long a store has sold nothing; `gap` is in seconds."""
    # The view has no older minutes: the store may have sold before them, or never.
    return ago(gap) if gap < _MAX_MINUTES * 60 else f"{_MAX_MINUTES}m+"


def boxed_tiles(tiles: Sequence[Tile], cells: int, glyphs: Glyphs, age: Line = ()) -> list[Line]:
    """Draw the tiles side by side in boxes with shared borders: five lines."""
    count = len(tiles)
    inner = cells - count - 1
    widths = [inner * (i + 1) // count - inner * i // count for i in range(count)]
    edge: Role = "frame"
    h, v = glyphs.horizontal, Span(glyphs.vertical, edge)
    tee_down, tee_up = ("┬", "┴") if glyphs.name != "ascii" else ("+", "+")
    top: list[Span] = [Span(glyphs.corners[0], edge)]
    bottom = glyphs.corners[2]
    rows: list[list[Span]] = [[v], [v], [v]]
    for index, (tile, wide) in enumerate(zip(tiles, widths, strict=True)):
        last = index == count - 1
        name = line(Span(f" {tile.name} ", "dim"))
        rule = wide - line_width(name)
        note = line(" ", *age, " ") if last and age and line_width(age) + 3 <= rule else ()
        top += [*name, Span(h * (rule - line_width(note)), edge), *note]
        top.append(Span(glyphs.corners[1] if last else tee_down, edge))
        bottom += h * wide + (glyphs.corners[3] if last else tee_up)
        for row, content in zip(rows, _tile_lines(tile, wide - 2, glyphs), strict=True):
            row += [Span(" "), *fit_line(content, wide - 2), Span(" "), v]
    return [tuple(top), *map(tuple, rows), (Span(bottom, edge),)]


def bare_tiles(tiles: Sequence[Tile], cells: int, glyphs: Glyphs) -> list[Line]:
    """Draw the tiles side by side without boxes: three lines, names in front of values."""
    count = len(tiles)
    widths = [
        (cells - count + 1) * (i + 1) // count - (cells - count + 1) * i // count
        for i in range(count)
    ]
    rows: list[list[Span]] = [[], [], []]
    for index, (tile, wide) in enumerate(zip(tiles, widths, strict=True)):
        for number, content in enumerate(_tile_lines(tile, wide, glyphs, named=True)):
            if index:
                rows[number].append(Span(glyphs.vertical if wide > 12 else " ", "frame"))
            rows[number] += fit_line(content, wide)
    return [tuple(row) for row in rows]


def tile_list(tiles: Sequence[Tile], cells: int, glyphs: Glyphs) -> list[Line]:
    """Draw one tile a line, for the narrowest terminals."""
    lines = []
    for tile in tiles:
        left = fit_line(line(Span(tile.name, "dim")), 11) + line(
            Span(f"{tile.value:>10} ", "strong")
        )
        lines.append(fit_line(left + _change(tile, cells - line_width(left), glyphs), cells))
    return lines


def _tile_lines(tile: Tile, cells: int, glyphs: Glyphs, *, named: bool = False) -> list[Line]:
    room = cells - line_width(_change(tile, cells, glyphs)) - 1
    full = tile.in_full if width(tile.in_full) <= room and not named else ""
    value = line(Span(full or tile.value, "strong"))
    if named:
        short_names = {"Per minute": "/min", "Avg ticket": "Ticket", "Revenue": "Rev."}
        name = tile.name if cells >= 24 else short_names.get(tile.name, tile.name)
        head = spread(line(Span(name, "dim")), value, cells)
        if line_width(value) + len(name) + 1 > cells:
            head = fit_line(value, cells)
        return [head, _change(tile, cells, glyphs), _history_line(tile, cells, glyphs)]
    return [
        value
        if tile.trend is None
        else spread(value, _change(tile, cells - line_width(value) - 1, glyphs), cells),
        _history_line(tile, cells, glyphs),
        fit_line(line(Span(crop(tile.against or tile.note, cells), "dim")), cells)
        if not tile.note
        else fit_line(line(Span(crop(tile.note, cells), tile.note_role)), cells),
    ]


def _change(tile: Tile, cells: int, glyphs: Glyphs) -> Line:
    if tile.trend is None:
        return line(Span(crop(tile.note, cells), tile.note_role))
    role: Role = {"up": "good", "down": "bad", "flat": "dim", "unknown": "dim"}[
        tile.trend.direction
    ]  # type: ignore[assignment]  # each value is a role
    return line(Span(crop(tile.trend.text(glyphs), cells), role))


def _history_line(tile: Tile, cells: int, glyphs: Glyphs) -> Line:
    if tile.part is not None:
        return line(Span(gauge(tile.part, cells, glyphs), tile.role))
    return line(Span(spark(tile.spark, cells, glyphs), tile.role))
