"""The breakdown: what sells where, with shares and movement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.rollups import ZERO, Totals
from coffeert.printable import printable
from coffeert.tui.model.bucket_sums import BucketSumCache, BucketSums
from coffeert.tui.model.window import Window
from coffeert.tui.render.format import Trend, bar, short, short_money, trend
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, chosen, fit_line, line
from coffeert.tui.render.text import fit

Dimension = Literal["store", "drink"]


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """One store or drink; `share` is its part of all orders, from 0 to 1."""

    dimension: Dimension
    code: str
    totals: Totals
    share: float
    trend: Trend
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A titled list of rows; `against` names what the trends compare with."""

    title: str
    rows: tuple[BreakdownRow, ...]
    against: str = "vs prev"
    places: int = DEFAULT_PLACES


def rows_by(
    window: Window, dimension: Dimension, known: Sequence[str] = ()
) -> tuple[BreakdownRow, ...]:
    """Return a window's rows, best seller first; `known` codes get one even with nothing sold."""
    now = _side(window.sums, dimension)
    before = None if window.previous is None else _side(window.previous, dimension)
    codes = {code for code, totals in now.items() if totals != ZERO} | set(known)
    if before is not None:
        codes |= {code for code, totals in before.items() if totals.orders > 0}
    total = window.sums.total.orders
    rows = [
        BreakdownRow(
            dimension,
            code,
            totals := now.get(code, ZERO),
            totals.orders / total if total > 0 else 0.0,
            trend(totals.orders, None if before is None else before.get(code, ZERO).orders),
        )
        for code in codes
    ]
    return tuple(sorted(rows, key=lambda row: (-row.totals.orders, -row.totals.cents, row.code)))


def top_drinks(sums: BucketSumCache, window: Window, count: int = 5) -> tuple[BreakdownRow, ...]:
    """Return the best-selling drinks of 30 days; the trend compares their share in the window with that.

    Ties are broken by code, as in the server's own list.
    """
    month = sums.total("day")
    best = sorted(month.drinks.items(), key=lambda item: (-item[1].orders, item[0]))[:count]
    total = window.sums.total.orders
    rows = []
    for rank, (code, totals) in enumerate(best, 1):
        share = totals.orders / month.total.orders if month.total.orders > 0 else 0.0
        recently = window.sums.drinks.get(code, ZERO).orders / total if total > 0 else None
        moved = Trend("unknown") if recently is None else trend(recently, share)
        rows.append(BreakdownRow("drink", code, totals, share, moved, rank))
    return tuple(rows)


def sections_of(
    context: FrameContext, sums: BucketSumCache, wanted: Sequence[Dimension | Literal["top"]]
) -> tuple[Section, ...]:
    """Return the sections of a panel."""
    window = context.window
    if window is None:
        return ()
    made = []
    for name in wanted:
        if name == "top":
            made.append(
                Section(
                    "Top 5 drinks, 30 d",
                    top_drinks(sums, window),
                    f"in {window.span.name}",
                    context.places,
                )
            )
        elif name == "store":
            known = (
                () if sums.wanted or context.menu is None else [s.code for s in context.menu.stores]
            )
            made.append(
                Section(
                    f"Stores, {window.span.name}",
                    rows_by(window, "store", known),
                    places=context.places,
                )
            )
        else:
            known = (
                () if sums.wanted or context.menu is None else [d.code for d in context.menu.drinks]
            )
            made.append(
                Section(
                    f"Drinks, {window.span.name}",
                    rows_by(window, "drink", known),
                    places=context.places,
                )
            )
    return tuple(made)


def draw_sections(
    sections: Sequence[Section],
    cells: int,
    glyphs: Glyphs,
    cursor: int | None,
) -> list[Line]:
    """Draw sections one under the other; `cursor` counts rows over all sections."""
    lines: list[Line] = []
    number = 0
    for section in sections:
        lines.append(_heading(section, cells))
        if not section.rows:
            lines.append(line(Span(" nothing sold yet", "dim")))
        top = max((row.share for row in section.rows), default=0.0)
        for row in section.rows:
            drawn = fit_line(_row(row, section, top, cells, glyphs, number == cursor), cells)
            lines.append(chosen(drawn) if number == cursor else drawn)
            number += 1
    return lines


def line_of_row(sections: Sequence[Section], number: int) -> int:
    """Return the line on which a row is drawn."""
    at = 0
    for section in sections:
        at += 1
        if number < len(section.rows):
            return at + number
        number -= len(section.rows)
        at += max(1, len(section.rows))
    return at


def row_at(sections: Sequence[Section], number: int) -> BreakdownRow | None:
    """Return a row by its number over all sections."""
    flat = [row for section in sections for row in section.rows]
    return flat[number] if 0 <= number < len(flat) else None


def row_on_line(sections: Sequence[Section], at: int) -> int | None:
    """Return the number of the row drawn on a line, counted from 0."""
    total = sum(len(section.rows) for section in sections)
    return next((n for n in range(total) if line_of_row(sections, n) == at), None)


def _side(sums: BucketSums, dimension: Dimension) -> dict[str, Totals]:
    return sums.stores if dimension == "store" else sums.drinks


def _widths(cells: int) -> tuple[int, int, bool]:
    fixed = 8 + 6 + 9  # orders, share, movement
    money = cells >= 58
    left = cells - fixed - (10 if money else 0) - 2
    name = max(6, min(18, left * 6 // 10)) if left > 14 else max(4, left)
    return name, max(0, left - name - 1), money


def _heading(section: Section, cells: int) -> Line:
    name, drawn, money = _widths(cells)
    title = fit(section.title, name + drawn + 2)
    text = f" {title} {'orders':>7} {'revenue' if money else '':>{9 if money else 0}}"
    text = text.rstrip() if not money else text
    return fit_line(
        line(Span(text, "title"), Span(f" {'share':>5} {section.against:>8}", "dim")), cells
    )


def _count(orders: int) -> str:
    text = f"{orders:,}"
    return text if len(text) <= 7 else short(orders)


def _row(
    row: BreakdownRow, section: Section, top: float, cells: int, glyphs: Glyphs, here: bool
) -> Line:
    name, drawn, money = _widths(cells)
    mark = glyphs.cursor if here else " "
    role: Role = "series-1" if row.dimension == "drink" else "series-2"
    moved: Role = {"up": "good", "down": "bad", "flat": "dim", "unknown": "dim"}[
        row.trend.direction
    ]  # type: ignore[assignment]  # each value is a role
    pieces = [
        Span(mark, "accent"),
        Span(fit(printable(row.code), name, ellipsis=glyphs.ellipsis), "text"),
        Span(" "),
        Span(bar(row.share / top if top > 0 else 0.0, drawn, glyphs), role),
        Span(f" {_count(row.totals.orders):>7}", "strong"),
    ]
    if money:
        pieces.append(Span(f" {short_money(row.totals.cents, section.places):>9}", "text"))
    pieces.append(Span(f" {row.share * 100:>4.0f}%", "text"))
    pieces.append(Span(f" {row.trend.text(glyphs):>8}", moved))
    return tuple(pieces)
