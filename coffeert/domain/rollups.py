"""Rollups: what was ordered in one bucket of time, at one store, of one drink; and sums over them.

A minute or an hour is named by the instant at which it begins, a day by its date, that is the midnight of
the date in UTC; both as Unix time in seconds. Hours and days are those of the store's own calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple

from coffeert.domain.calendar import Calendars
from coffeert.domain.orders import Order

Grain = Literal["minute", "hour", "day"]
GRAINS: Final[tuple[Grain, ...]] = ("minute", "hour", "day")
SECONDS: Final[dict[Grain, int]] = {"minute": 60, "hour": 3600, "day": 86400}
BUCKETS: Final[dict[Grain, int]] = {"minute": 60, "hour": 24, "day": 30}
"""How many buckets a window has, the current one included."""


class Totals(NamedTuple):
    """Sums over orders; corrections count negatively."""

    orders: int
    quantity: int
    cents: int

    def plus(self, other: Totals) -> Totals:
        return Totals(
            self.orders + other.orders, self.quantity + other.quantity, self.cents + other.cents
        )

    def minus(self, other: Totals) -> Totals:
        return Totals(
            self.orders - other.orders, self.quantity - other.quantity, self.cents - other.cents
        )


ZERO: Final = Totals(0, 0, 0)


def sum_up(many: Iterable[Totals]) -> Totals:
    """Add totals up."""
    orders = quantity = cents = 0
    for totals in many:
        orders += totals.orders
        quantity += totals.quantity
        cents += totals.cents
    return Totals(orders, quantity, cents)


class StoreDrink(NamedTuple):
    """A store and a drink, by their codes."""

    store: str
    drink: str


class CellKey(NamedTuple):
    """The name of a cell; `bucket` is in Unix seconds."""

    grain: Grain
    bucket: int
    store: str
    drink: str


Cells = dict[CellKey, Totals]


def floor(seconds: int, grain: Grain) -> int:
    """Round a Unix time down to the start of its bucket."""
    return seconds - seconds % SECONDS[grain]


def add(cells: Cells, key: CellKey, totals: Totals) -> None:
    before = cells.get(key)
    cells[key] = totals if before is None else before.plus(totals)


def tally_orders(orders: Iterable[Order]) -> Cells:
    """Sum orders into minute cells."""
    # Every committed order passes here, so sums are plain numbers until a cell is complete.
    sums: dict[tuple[int, str, str], list[int]] = {}
    minute, placed_at = 0, None
    for order in orders:
        if order.placed_at is not placed_at:  # the same object for many orders of a batch
            placed_at = order.placed_at
            minute = floor(int(placed_at.timestamp()), "minute")
        sum_ = sums.setdefault((minute, order.store, order.drink), [0, 0, 0])
        sum_[0] += order.count
        sum_[1] += order.quantity
        sum_[2] += order.total_cents
    return {
        CellKey("minute", bucket, store, drink): Totals(*sum_)
        for (bucket, store, drink), sum_ in sums.items()
    }


def at_all_grains(minutes: Cells, calendars: Calendars) -> Cells:
    """Return minute cells together with the hour and day cells that they add up to.

    Minutes that the calendars do not reach to are left out.
    """
    cells: Cells = {}
    for key, totals in minutes.items():
        parents = containing(key, calendars)
        for parent in parents:
            add(cells, parent, totals)
    return cells


def containing(key: CellKey, calendars: Calendars) -> tuple[CellKey, ...]:
    """Return a minute cell and the hour and the day that contain it; none outside of the calendars."""
    _, minute, store, drink = key
    if not calendars.reaches(minute):
        return ()
    calendar = calendars.of(store)
    return (
        key,
        CellKey("hour", calendar.hour_of(minute), store, drink),
        CellKey("day", calendar.day_of(minute), store, drink),
    )


def sliding_minutes(
    minute_sum: Callable[[int], Totals], moment: float, minutes: int = 1
) -> tuple[float, float]:
    """Return orders and cents over the last `minutes`; `minute_sum` sums the minute that starts then.

    Those are the current minute, whole ones before it, and a share of the one before these, as large as
    what is missing: an estimate that needs no finer data than minutes.
    """
    current = floor(int(moment), "minute")
    size = SECONDS["minute"]
    share = 1 - (moment - current) / size
    whole = sum_up(minute_sum(current - size * back) for back in range(minutes))
    before = minute_sum(current - size * minutes)
    return whole.orders + share * before.orders, whole.cents + share * before.cents
