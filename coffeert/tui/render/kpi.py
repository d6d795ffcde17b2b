"""The key figures: takings, orders, takings per order, the last minutes, and which stores sell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from coffeert.domain.money import rounded
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.window import Window
from coffeert.tui.render.big_digits import big_digits
from coffeert.tui.render.changes import change_text, compared_words, minutes_changes
from coffeert.tui.render.chart import PACE_MINUTES, last_minutes
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.motion import between
from coffeert.tui.render.sentence import QuietStore
from coffeert.tui.render.spans import Line, Role, Span, fit_line, line, line_width
from coffeert.tui.render.text import crop, width
from coffeert.wire.reports import Activity, PercentChange, StoreActivity

_NARROWEST_TILE: Final = 15
_RECENT_SECONDS: Final = 3600.0
"""A store whose habit is not known yet counts as selling for so long after a sale."""

_WEEKDAY: Final = re.compile("(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day")
_DIM: Final[Role] = "dim"
_WARN: Final[Role] = "warn"


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure: `values` are its spellings as (figure, unit), the longest first.

    Below it stands how it has changed, and the longest of `notes` that there is room for. The tiles with
    the highest `rank` are left out first.
    """

    name: str
    values: tuple[tuple[str, str], ...]
    change: tuple[str, Role] = ("", "dim")
    notes: tuple[str, ...] = ()
    note_role: Role = "dim"
    rank: int = 0
    orders: int = 0
    """How many orders the figure itself counts."""


def tiles_of(context: FrameContext, sums: BucketSumCache) -> tuple[Tile, ...]:
    """Return the key figures of the range."""
    window = context.window
    if window is None:
        names = (("Takings", ""), ("Orders", "orders"), ("Per order", "per order"))
        return tuple(Tile(name, (("-", unit),)) for name, unit in names)
    now, glyphs, currency = window.sums.total, context.glyphs, context.currency
    takings, orders, each = _changes(context, window)
    against = compared_words(context)
    per_order = rounded(now.cents, now.orders) if now.orders > 0 else 0
    one = "order" if now.orders == 1 else "orders"
    tiles = [
        Tile(
            "Takings",
            (
                (currency.text(now.cents), ""),
                (currency.whole(now.cents), ""),
                (currency.short(now.cents), ""),
            ),
            change_text(takings, glyphs),
            _against(takings, against),
        ),
        Tile(
            "Orders",
            ((f"{now.orders:,}", one),),
            change_text(orders, glyphs),
            _against(orders, against),
            rank=1,
            orders=now.orders,
        ),
        Tile(
            "Per order",
            _values(currency.text(per_order) if now.orders > 0 else "-", "per order", "/order"),
            change_text(each, glyphs),
            _against(each, against),
            rank=3,
        ),
    ]
    if context.is_live:
        tiles += [_pace_tile(context, sums), _stores_tile(context)]
    else:
        sold = sum(1 for totals in window.sums.stores.values() if totals.orders > 0)
        tiles += [
            Tile("Pieces", ((f"{now.quantity:,}", "pieces"),), rank=4),
            Tile("Stores", ((f"{sold:,}", "stores sold" if sold != 1 else "store sold"),), rank=2),
        ]
    return tuple(tiles)


def _values(figure: str, *units: str) -> tuple[tuple[str, str], ...]:
    return tuple((figure, unit) for unit in (*units, ""))


def _against(change: PercentChange | None, against: str) -> tuple[str, ...]:
    if change is None or change.percent is None or not against:
        return ()
    short = _WEEKDAY.sub(lambda day: day[0][:3], against)
    return f"vs {against}", f"vs {short}"


def _changes(context: FrameContext, window: Window) -> Sequence[PercentChange | None]:
    """Return how takings, orders and takings per order have changed.

    Of a business period both sides are the report's, up to the same minute.
    """
    if window.span.minutes:
        before = None if window.previous is None else window.previous.total
        return minutes_changes(window.sums.total, before)
    total = context.reports.total
    if total is None:
        return None, None, None  # the sentence above says why
    return total.takings_change, total.orders_change, total.per_order_change


def _pace_tile(context: FrameContext, sums: BucketSumCache) -> Tile:
    assert context.window is not None
    orders = last_minutes(sums, context.window.now).orders
    usual = usual_orders(context)
    notes = () if usual is None else (f"usually {round(usual * PACE_MINUTES / 60):,}",)
    units = (f"orders in {PACE_MINUTES} min", f"in {PACE_MINUTES} min")
    return Tile("Now", _values(f"{orders:,}", *units), notes=notes, rank=4)


def usual_orders(context: FrameContext) -> float | None:
    """Return the orders of an hour like this one in the usual week; `None` if that is not known."""
    week = context.reports.week
    if week is None or len(context.zones) > 1:
        return None
    local = context.now.astimezone(context.zone)
    wanted = (str(local.isoweekday()), f"{local.hour:02d}")
    for row in week.rows:
        if (row.keys[0], row.keys[1][:2]) == wanted and row.days:
            return row.figures.orders / row.days
    return None


def _stores_tile(context: FrameContext) -> Tile:
    activity = context.reports.activity
    shown = context.stores()
    if activity is None or context.data_status.old:
        # Without news nobody knows which of them sell.
        count = len(shown)
        unit = "store" if count == 1 else "stores"
        return Tile("Stores", ((f"{count:,}", unit),), notes=("not known which sell",), rank=2)
    stores = [store for store in activity.stores if store.store in set(shown)]
    selling = sum(1 for store in stores if sells(store, activity.as_of))
    quiet = quiet_stores(activity, shown)
    closed = sum(
        1
        for store in stores
        if store.usually_open is False and not store.quiet and not sells(store, activity.as_of)
    )
    role = _DIM
    notes: tuple[str, ...] = ("all selling",)
    if quiet:
        first, role = quiet[0], _WARN
        lasting = "" if first.minutes is None else f" {first.minutes:,} min"
        notes = (f"{first.name} quiet{lasting}", f"{first.name} quiet", f"{len(quiet)} quiet")
        if first.usual is not None:
            notes = (f"{notes[0]} (usually {first.usual})", *notes)
    elif closed:
        notes = (f"{closed} closed now" if closed < len(stores) else "closed now",)
    elif selling < len(stores):
        notes = (f"{len(stores) - selling} without a sale",)
    noun = "store" if len(stores) == 1 else "stores"
    units = (f"of {len(stores)} {noun} selling", f"of {len(stores)} selling", f"of {len(stores)}")
    return Tile("Stores", _values(f"{selling}", *units), notes=notes, note_role=role, rank=2)


def sells(store: StoreActivity, as_of: datetime) -> bool:
    """Return True if a store sells as it usually does, or has just sold."""
    if store.quiet or store.last_sale is None:
        return False
    if store.usually_open:
        return True
    return (as_of - store.last_sale).total_seconds() < _RECENT_SECONDS


def quiet_stores(activity: Activity | None, codes: Sequence[str]) -> tuple[QuietStore, ...]:
    """Return the stores that have sold nothing for much longer than they usually do, longest first."""
    if activity is None:
        return ()
    wanted = set(codes)
    quiet = [store for store in activity.stores if store.quiet and store.store in wanted]
    made = [
        QuietStore(
            store.name,
            None
            if store.last_sale is None
            else int((activity.as_of - store.last_sale).total_seconds() // 60),
            None if store.usual_gap is None else max(1, round(store.usual_gap / 60)),
        )
        for store in quiet
    ]
    return tuple(sorted(made, key=lambda store: (-(store.minutes or 0), store.name)))


def orders_since(before: Sequence[Tile], after: Sequence[Tile]) -> int:
    """Return how many orders more the key figures are of."""
    return sum(tile.orders for tile in after) - sum(tile.orders for tile in before)


def tiles_between(before: Sequence[Tile], after: Sequence[Tile], part: float) -> tuple[Tile, ...]:
    """Return key figures that are a part of the way from some to others."""
    shown = {tile.name: tile.values for tile in before}
    return tuple(
        replace(
            tile,
            values=tuple(
                (between(old, new, part), unit)
                for (old, _), (new, unit) in zip(
                    shown.get(tile.name, tile.values), tile.values, strict=False
                )
            ),
        )
        for tile in after
    )


def strip_tiles(tiles: Sequence[Tile], cells: int, glyphs: Glyphs) -> list[Line]:
    """Draw the tiles side by side: figures above, changes below."""
    kept = _kept(tiles, cells // _NARROWEST_TILE)
    above: list[Span] = []
    below: list[Span] = []
    for tile, wide in zip(kept, _widths(len(kept), cells), strict=True):
        figure, unit = _spelling(tile, wide - 2)
        above += fit_line(line(" ", Span(figure, "strong"), Span(f" {unit}" if unit else "")), wide)
        below += fit_line((Span(" "), *_below(tile, wide - 2)), wide)
    return [tuple(above), tuple(below)]


def big_tiles(tiles: Sequence[Tile], cells: int, glyphs: Glyphs) -> list[Line]:
    """Draw the tiles in digits three lines high, with the changes below."""
    rows: list[list[Span]] = [[], [], [], []]
    for tile, wide in zip(tiles, _widths(len(tiles), cells), strict=True):
        drawn = ("", "", tile.values[-1][0])
        unit = ""
        for figure, named in tile.values:
            large = big_digits(figure)
            if width(large[0]) + len(named) + 1 <= wide - 3:
                drawn, unit = large, named
                break
        role: Role = "accent" if tile.rank == 0 else "strong"
        for row, text in enumerate(drawn):
            pieces = [Span(" "), Span(text, role)]
            if row == 2 and unit:
                pieces.append(Span(f" {unit}"))
            rows[row] += fit_line(pieces, wide)
        rows[3] += fit_line((Span(" "), *_below(tile, wide - 2)), wide)
    return [tuple(row) for row in rows]


def tile_list(tiles: Sequence[Tile], cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """Draw one tile a line, for the narrowest terminals."""
    lines = []
    for tile in _kept(tiles, rows):
        figure, unit = _spelling(tile, max(10, cells // 2))
        left = fit_line(line(Span(figure, "strong"), Span(f" {unit}" if unit else "")), cells // 2)
        lines.append(
            fit_line((*left, Span(" "), *_below(tile, cells - line_width(left) - 1)), cells)
        )
    return lines


def _kept(tiles: Sequence[Tile], count: int) -> list[Tile]:
    ranks = sorted(tile.rank for tile in tiles)[: max(1, count)]
    return [tile for tile in tiles if tile.rank <= ranks[-1]][: max(1, count)]


def _widths(count: int, cells: int) -> list[int]:
    return [cells * (i + 1) // count - cells * i // count for i in range(count)]


def _spelling(tile: Tile, cells: int) -> tuple[str, str]:
    for figure, unit in tile.values:
        if width(figure) + (len(unit) + 1 if unit else 0) <= cells:
            return figure, unit
    return crop(tile.values[-1][0], cells), ""


def _below(tile: Tile, cells: int) -> Line:
    text, role = tile.change
    if width(text) > cells:
        text = "not compared"  # the sentence above says why
    change = line(Span(crop(text, cells), role)) if text else ()
    room = cells - (width(text) + 1 if text else 0)
    note = next((note for note in tile.notes if width(note) <= room), "")
    if not text and not note and tile.notes:
        note = crop(tile.notes[-1], cells)
    if not note:
        return change
    return (*change, Span(f" {note}" if text else note, tile.note_role))
