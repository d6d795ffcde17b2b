"""The figures of one view: each window and the business day, as a whole, by store and by drink."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import msgspec

from coffeert.domain.currency import places
from coffeert.domain.money import money_text
from coffeert.domain.retention_window import LocalDay
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import GRAINS, ZERO, StoreDrink, Totals
from coffeert.domain.view import View
from coffeert.wire.frames import Snapshot, change_from
from coffeert.wire.health import Health
from coffeert.wire.orders import OrderBody

TOP = 5

WindowCells = dict[StoreDrink, Totals]


class BreakdownTotals(msgspec.Struct, frozen=True):
    """Sums over orders; `revenue` is decimal text."""

    orders: int
    quantity: int
    revenue: str

    @classmethod
    def of(cls, tally: Totals, decimals: int) -> BreakdownTotals:
        return cls(tally.orders, tally.quantity, money_text(tally.cents, decimals))


class Windows(msgspec.Struct, frozen=True):
    """Sums over the business day and over the windows that end with the running bucket."""

    today: BreakdownTotals
    last_60_minutes: BreakdownTotals
    last_24_hours: BreakdownTotals
    last_30_days: BreakdownTotals


class Named(msgspec.Struct, frozen=True):
    """The sums of one store or drink."""

    code: str
    windows: Windows


class Cell(msgspec.Struct, frozen=True):
    """The business day's sums of one drink at one store."""

    store: str
    drink: str
    sums: BreakdownTotals


class TopDrinkFigure(msgspec.Struct, frozen=True):
    """A drink among those with the most orders in 30 days."""

    drink: str
    sums: BreakdownTotals


class BusinessDay(msgspec.Struct, frozen=True):
    """The business day of a calendar."""

    date: date
    begins: datetime
    ends: datetime
    timezone: str

    @classmethod
    def of(cls, day: LocalDay) -> BusinessDay:
        begins, ends = (datetime.fromtimestamp(one, UTC) for one in (day.begins, day.ends))
        return cls(datetime.fromtimestamp(day.date, UTC).date(), begins, ends, day.zone)


class StatusFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The output of `coffeert status`.

    `as_of` is the start of the running minute; `days` are the business days that `today` stands for, one
    for each calendar, the default's first. `data_time` is the time up to which every commit is certainly
    included. `health` is unknown for the past.
    """

    as_of: datetime
    days: tuple[BusinessDay, ...]
    data_time: datetime
    epoch: str
    version: int
    currency: str | None
    totals: Windows
    stores: tuple[Named, ...]
    drinks: tuple[Named, ...]
    today: tuple[Cell, ...]
    top_drinks: tuple[TopDrinkFigure, ...]
    recent: tuple[OrderBody, ...]
    health: Health | None


def figures_from(snapshot: Snapshot) -> StatusFigures:
    """Sum a snapshot up."""
    view = View(change_from(snapshot.view))
    cube, decimals = view.cube, places(snapshot.currency)
    windows = _cells_of_windows(cube)
    return StatusFigures(
        as_of=cube.retention.moment(),
        days=tuple(map(BusinessDay.of, cube.retention.days)),
        data_time=view.data_time,
        epoch=snapshot.epoch,
        version=snapshot.version,
        currency=snapshot.currency,
        totals=_windows(windows, lambda store, drink: True, decimals),
        stores=_named(windows, lambda store, drink: store, decimals),
        drinks=_named(windows, lambda store, drink: drink, decimals),
        today=tuple(
            Cell(store, drink, BreakdownTotals.of(tally, decimals))
            for (store, drink), tally in sorted(windows[0].items())
        ),
        top_drinks=tuple(
            TopDrinkFigure(drink, BreakdownTotals.of(sums, decimals))
            for drink, sums in cube.top_drinks(TOP)
        ),
        recent=tuple(OrderBody.of(order, decimals) for order in view.recent),
        health=snapshot.health,
    )


def _cells_of_windows(cube: RollupCube) -> tuple[WindowCells, ...]:
    """Return the sums by (store, drink), in the order of the fields of `Windows`."""
    return (cube.today_cells(), *map(cube.cells_total, GRAINS))


def _named(
    windows: tuple[WindowCells, ...], name: Callable[[str, str], str], decimals: int
) -> tuple[Named, ...]:
    codes = sorted({name(*key) for cells in windows for key in cells})
    return tuple(
        Named(code, _windows(windows, lambda *key, code=code: name(*key) == code, decimals))
        for code in codes
    )


def _windows(
    windows: tuple[WindowCells, ...], chosen: Callable[[str, str], bool], decimals: int
) -> Windows:
    return Windows(*(BreakdownTotals.of(_sum(cells, chosen), decimals) for cells in windows))


def _sum(cells: WindowCells, chosen: Callable[[str, str], bool]) -> Totals:
    total = ZERO
    for key, tally in cells.items():
        if chosen(*key):
            total = total.plus(tally)
    return total
