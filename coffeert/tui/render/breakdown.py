"""Stores or drinks: takings, share, change, and the last hours, best seller first or sorted otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from coffeert.domain.rollups import ZERO, Totals
from coffeert.printable import printable
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.render.changes import change_text, compared_words, minutes_changes
from coffeert.tui.render.currency import NO_CURRENCY, Currency
from coffeert.tui.render.format import bar, spark
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, chosen, fit_line, line
from coffeert.tui.render.text import fit, width
from coffeert.wire.reports import PercentChange, ReportRow

Dimension = Literal["store", "drink"]
SortColumn = Literal["takings", "name", "change", "share"]
SORT_COLUMNS: Final[tuple[SortColumn, ...]] = ("takings", "name", "change", "share")

_SPARK_HOURS: Final = 8
_LONGEST_NAME: Final = 28
_LEAST_CHANGE: Final = 8


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """One store or drink; `share` is its part of all takings, from 0 to 1.

    `recent` are its orders in the last hours, newest last.
    """

    dimension: Dimension
    code: str
    name: str
    totals: Totals
    share: float
    change: PercentChange | None = None
    recent: tuple[float | None, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class BreakdownModel:
    """Rows in order; `idle` more have sold nothing, and `missing` says why there is no figure at all.

    `against` names what the changes refer to.
    """

    dimension: Dimension
    title: str = ""
    rows: tuple[BreakdownRow, ...] = ()
    idle: int = 0
    against: str = ""
    sort: SortColumn = "takings"
    missing: str = ""
    currency: Currency = NO_CURRENCY


def breakdown_of(
    context: FrameContext,
    sums: BucketSumCache,
    dimension: Dimension,
    sort: SortColumn,
    title: str = "",
    quiet: Sequence[str] = (),
) -> BreakdownModel:
    """Return the stores or drinks of a range; those that sold nothing are only counted."""
    window, currency = context.window, context.currency
    if window is None:
        missing = context.reports.missing
        return BreakdownModel(dimension, title, sort=sort, missing=missing, currency=currency)
    is_store = dimension == "store"
    own = window.sums.stores if is_store else window.sums.drinks
    names = context.store_names if is_store else context.drink_names
    menu = () if context.menu is None else context.menu.stores if is_store else context.menu.drinks
    report = context.reports.stores if is_store else context.reports.drinks
    reported = {} if report is None else {row.keys[0]: row for row in report.rows}
    before = None
    if window.span.minutes:
        previous = window.previous
        before = None if previous is None else previous.stores if is_store else previous.drinks
    limited = context.wanted.by_product
    known = {*own, *reported, *(() if limited else (item.code for item in menu))}
    total = sum(totals.cents for totals in own.values())
    shows_hours = context.is_live and not window.span.minutes
    recent = _recent(context, sums, dimension) if shows_hours else {}
    rows, idle = [], 0
    for code in known:
        totals, row = own.get(code, ZERO), reported.get(code)
        if totals == ZERO and not (is_store and _sold_before(row)):
            idle += 1
            continue
        if window.span.minutes:
            earlier = None if before is None else before.get(code, ZERO)
            change: PercentChange | None = minutes_changes(totals, earlier).takings
        else:
            change = None if row is None else row.takings_change
        share = totals.cents / total if total > 0 else 0.0
        rows.append(
            BreakdownRow(
                dimension,
                code,
                names.get(code) or printable(code),
                totals,
                share,
                change,
                recent.get(code, ()),
                quiet=code in quiet,
            )
        )
    against = compared_words(context)
    return BreakdownModel(dimension, title, _sorted(rows, sort), idle, against, sort, "", currency)


def _sold_before(row: ReportRow | None) -> bool:
    return row is not None and row.compared is not None and row.compared.orders > 0


def _recent(
    context: FrameContext, sums: BucketSumCache, dimension: Dimension
) -> dict[str, tuple[float | None, ...]]:
    """Return the orders of the last hours by code."""
    hour = int(context.now.timestamp())
    assert context.view is not None
    hour -= (hour - context.view.cube.retention.days[0].hour) % 3600
    starts = range(hour - (_SPARK_HOURS - 1) * 3600, hour + 3600, 3600)
    buckets = [sums.bucket("hour", start) for start in starts]
    sides = [bucket.stores if dimension == "store" else bucket.drinks for bucket in buckets]
    codes = {code for side in sides for code in side}
    return {
        code: tuple(float(max(0, side.get(code, ZERO).orders)) for side in sides) for code in codes
    }


def _sorted(rows: list[BreakdownRow], sort: SortColumn) -> tuple[BreakdownRow, ...]:
    keys: dict[SortColumn, Callable[[BreakdownRow], tuple[object, ...]]] = {
        "takings": lambda row: (-row.totals.cents, row.code),
        "name": lambda row: (row.name.casefold(), row.code),
        "change": lambda row: (-_percent(row), -row.totals.cents, row.code),
        "share": lambda row: (-row.share, row.code),
    }
    return tuple(sorted(rows, key=keys[sort]))


def _percent(row: BreakdownRow) -> float:
    """Return a change to sort by; rows without one come last."""
    percent = None if row.change is None else row.change.percent
    return float("-inf") if percent is None else float(percent)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Widths in cells; 0 leaves a column out."""

    name: int
    takings: int
    sold: int
    bar: int
    change: int
    share: int
    recent: int


def draw_breakdown(
    model: BreakdownModel,
    cells: int,
    glyphs: Glyphs,
    cursor: int | None,
    lit: Collection[str] = (),
) -> list[Line]:
    """Draw heading and rows; `cursor` is the number of the chosen one, `lit` has just sold something."""
    if model.missing:
        return [line(Span(f" {model.missing}", "dim"))]
    if not model.rows:
        return [line(Span(" nothing sold yet", "dim"))]
    takings, changes = _texts(model, cells, glyphs)
    columns = _columns(model, takings, changes, cells)
    top = max(row.totals.cents for row in model.rows)
    lines = [_heading(model, columns, cells, glyphs)]
    for number, row in enumerate(model.rows):
        here = number == cursor
        role: Role = "accent" if row.code in lit else "strong"
        amount = Span(f" {takings[number]:>{columns.takings}}", role)
        drawn = _row(row, columns, amount, changes[number], top, glyphs, here)
        lines.append(chosen(fit_line(drawn, cells)) if here else fit_line(drawn, cells))
    if model.idle:
        kind = model.dimension if model.idle == 1 else f"{model.dimension}s"
        lines.append(line(Span(f"  {model.idle:,} {kind} sold nothing", "dim")))
    return lines


def _texts(
    model: BreakdownModel, cells: int, glyphs: Glyphs
) -> tuple[list[str], list[tuple[str, Role]]]:
    amounts = [row.totals.cents for row in model.rows]
    takings = model.currency.column(amounts, 12 if cells >= 44 else 9)
    changes = [change_text(row.change, glyphs) for row in model.rows]
    if all(row.change is None or row.change.percent is None for row in model.rows):
        changes = [("", "dim")] * len(changes)
    # A reason is a sentence: in a column it is a dash, and the frame says it once.
    return takings, [
        (glyphs.horizontal, role)
        if row.change is not None and row.change.percent is None and text
        else (text, role)
        for row, (text, role) in zip(model.rows, changes, strict=True)
    ]


def _columns(
    model: BreakdownModel, takings: Sequence[str], changes: Sequence[tuple[str, Role]], cells: int
) -> _Columns:
    name = min(_LONGEST_NAME, max(max(width(row.name) for row in model.rows), len("drink")))
    money = max(8, max(map(width, takings)))
    change = max(width(text) for text, _ in changes)
    change = max(_LEAST_CHANGE, change) if change else 0
    left = cells - 3 - name - 1 - money
    if left < 0:
        return _Columns(max(4, name + left), money, 0, 0, 0, 0, 0)
    wide: dict[str, int] = {}
    # In the order in which they are dropped last.
    for column, room in (
        ("change", change),
        ("share", 5),
        ("bar", 5),
        ("recent", _SPARK_HOURS if any(row.recent for row in model.rows) else 0),
        ("sold", 7),
    ):
        if room and left >= room + 2:
            wide[column] = room
            left -= room + 2
    if "bar" in wide:
        wide["bar"] += min(left, 24)
    return _Columns(
        name,
        money,
        wide.get("sold", 0),
        wide.get("bar", 0),
        wide.get("change", 0),
        wide.get("share", 0),
        wide.get("recent", 0),
    )


def _heading(model: BreakdownModel, columns: _Columns, cells: int, glyphs: Glyphs) -> Line:
    def name(column: SortColumn, text: str) -> str:
        return f"{text}{glyphs.down}" if model.sort == column and column != "takings" else text

    pieces = [fit("  " + name("name", model.dimension), columns.name + 2)]
    pieces.append(f" {fit('takings', columns.takings, 'right')}")
    if columns.sold:
        pieces.append(f"  {fit('pieces', columns.sold, 'right')}")
    if columns.bar:
        pieces.append(" " * (columns.bar + 2))
    if columns.share:
        pieces.append(f"  {fit(name('share', 'share'), columns.share, 'right')}")
    if columns.change:
        pieces.append(f"  {fit(name('change', 'change'), columns.change)}")
    if columns.recent:
        pieces.append(f"  {fit(f'{_SPARK_HOURS} hours', columns.recent)}")
    return fit_line(line(Span("".join(pieces), "dim")), cells)


def _row(
    row: BreakdownRow,
    columns: _Columns,
    takings: Span,
    change: tuple[str, Role],
    top: int,
    glyphs: Glyphs,
    here: bool,
) -> Line:
    name_role: Role = "warn" if row.quiet else "accent" if takings.role == "accent" else "text"
    pieces = [
        Span(f"{glyphs.cursor} " if here else "  ", "accent"),
        Span(fit(row.name, columns.name, ellipsis=glyphs.ellipsis), name_role),
        takings,
    ]
    if columns.sold:
        pieces.append(Span(f"  {row.totals.quantity:>{columns.sold},}"))
    if columns.bar:
        part = row.totals.cents / top if top > 0 else 0.0
        pieces += [Span("  "), Span(bar(part, columns.bar, glyphs), "area-4")]
    if columns.share:
        pieces.append(Span(f"  {f'{round(row.share * 100)} %':>{columns.share}}"))
    if columns.change:
        pieces += [Span("  "), Span(fit(change[0], columns.change), change[1])]
    if columns.recent:
        drawn = spark(row.recent, columns.recent, glyphs) if row.recent else ""
        pieces += [Span("  "), Span(fit(drawn, columns.recent), "area-4")]
    return tuple(pieces)
