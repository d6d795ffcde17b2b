"""Rollups: what was ordered in one bucket of time, at one store, of one drink; and sums over them.

A minute or an hour is named by the instant at which it begins, a day by its date, that is the midnight of
the date in UTC; both as Unix time in seconds. Hours and days are those of the store's own calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final, Literal, NamedTuple

import msgspec

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


class LocalDay(msgspec.Struct, frozen=True, array_like=True):
    """A calendar at one minute: its business day and its hour. Instants are Unix times, in seconds.

    `starts` is when a day starts, in minutes after local midnight. `date` names the day that is running:
    the Unix time of the date's midnight in UTC. It lasts from `begins` to `ends`; `hour` is the beginning
    of the running local hour.
    """

    zone: str
    starts: int
    date: int
    begins: int
    ends: int
    hour: int


class RetentionWindow(msgspec.Struct, frozen=True):
    """Which cells are kept, as of one minute.

    `as_of` is the start of the current minute, in Unix seconds. `days` has each calendar; the first is
    that of the stores that are not in `calendar_of`. Later buckets are inside too: the clock of a till
    may be ahead.
    """

    as_of: int
    days: tuple[LocalDay, ...]
    calendar_of: dict[str, int] = {}

    @classmethod
    def at(cls, moment: datetime, calendars: Calendars) -> RetentionWindow:
        """Return the window as of a moment; raises `ValueError` if the calendars do not reach there."""
        as_of = floor(int(moment.timestamp()), "minute")
        days = []
        for calendar in calendars.calendars:
            date = calendar.day_of(as_of)
            begins, ends = calendar.day(date)
            days.append(
                LocalDay(
                    calendar.zone, calendar.starts, date, begins, ends, calendar.hour_of(as_of)
                )
            )
        return cls(as_of, tuple(days), calendars.calendar_of)

    def day_of(self, store: str) -> LocalDay:
        """Return the business day at a store."""
        return self.days[self.calendar_of.get(store, 0)]

    def running(self, grain: Grain, moment: float) -> tuple[int, float, float]:
        """Return the bucket that is running at a moment near `as_of`, and when it begins and ends.

        If stores have different calendars, it is the default's hour and the latest date.
        """
        if grain == "minute":
            minute = floor(int(moment), "minute")
            return minute, minute, minute + SECONDS["minute"]
        if grain == "hour":
            hour = int(moment) - (int(moment) - self.days[0].hour) % SECONDS["hour"]
            return hour, hour, hour + SECONDS["hour"]
        day = max(self.days, key=attrgetter("date"))
        if moment < day.ends:
            return day.date, day.begins, day.ends
        return day.date + SECONDS["day"], day.ends, day.ends + SECONDS["day"]

    @property
    def first_minute(self) -> int:
        """The first minute that is kept."""
        return self.as_of - (BUCKETS["minute"] - 1) * SECONDS["minute"]

    @property
    def hours_after(self) -> int:
        """Hours that begin after this instant are kept."""
        return self.as_of - BUCKETS["hour"] * SECONDS["hour"]

    @property
    def first_date(self) -> int:
        """The first date that is kept at any store."""
        return min(day.date for day in self.days) - _DATES_BEFORE

    @property
    def first_common_date(self) -> int:
        """The first date that is kept at every store."""
        return max(day.date for day in self.days) - _DATES_BEFORE

    def contains(self, key: CellKey) -> bool:
        """Return True if a cell is kept."""
        if key.grain == "minute":
            return key.bucket >= self.first_minute
        if key.grain == "hour":
            return key.bucket > self.hours_after
        return key.bucket >= self.day_of(key.store).date - _DATES_BEFORE

    def moment(self) -> datetime:
        """Return the start of the current minute."""
        return datetime.fromtimestamp(self.as_of, UTC)


_DATES_BEFORE = (BUCKETS["day"] - 1) * SECONDS["day"]


class WindowTotals(msgspec.Struct, frozen=True):
    """Sums over each window, so that a reader can check its own."""

    minute: Totals = ZERO
    hour: Totals = ZERO
    day: Totals = ZERO
    today: Totals = ZERO


class RollupCube:
    """All cells within a retention window, by bucket, with a running sum of each bucket.

    Mutable. Cells of zero are not held: memory is bounded by the window and the menu. The `StoreDrink` of
    cells that are set one by one is one object in all buckets; those that come with each frame would
    otherwise stay by the thousand and fragment the memory.
    """

    __slots__ = ("_buckets", "_drinks", "_pairs", "_sums", "retention")

    def __init__(self, retention: RetentionWindow) -> None:
        self.retention = retention
        self._buckets: dict[Grain, dict[int, dict[StoreDrink, Totals]]] = {
            grain: {} for grain in GRAINS
        }
        self._sums: dict[Grain, dict[int, Totals]] = {grain: {} for grain in GRAINS}
        self._drinks: dict[str, Totals] = {}  # over the days held
        self._pairs: dict[tuple[str, str], StoreDrink] = {}

    def get(self, key: CellKey) -> Totals:
        """Return a cell's totals, zero if there is no such cell."""
        pair = self._pairs.get((key.store, key.drink))
        bucket = self._buckets[key.grain].get(key.bucket)
        return ZERO if pair is None or bucket is None else bucket.get(pair, ZERO)

    def set(self, key: CellKey, totals: Totals) -> bool:
        """Set a cell to an absolute value and return True if that changed anything.

        A cell outside of the retention window is ignored.
        """
        codes = key.store, key.drink
        pair = self._pairs.get(codes)
        if pair is None:
            pair = self._pairs[codes] = StoreDrink(*codes)
        before = self._buckets[key.grain].get(key.bucket, {}).get(pair, ZERO)
        if before == totals or not self.retention.contains(key):
            return False
        change = totals.minus(before)
        sums = self._sums[key.grain]
        sums[key.bucket] = sums.get(key.bucket, ZERO).plus(change)
        buckets = self._buckets[key.grain]
        bucket = buckets.setdefault(key.bucket, {})
        if totals == ZERO:
            bucket.pop(pair, None)
        else:
            bucket[pair] = totals
        if not bucket:
            del buckets[key.bucket], sums[key.bucket]
        if key.grain == "day":
            self._add_to_drink(key.drink, change)
        return True

    def add(self, key: CellKey, totals: Totals) -> bool:
        """Add to a cell and return True if that changed anything."""
        return self.set(key, self.get(key).plus(totals))

    def set_bucket(self, grain: Grain, bucket: int, cells: dict[StoreDrink, Totals]) -> None:
        """Replace a bucket by cells of which none is zero; the cube owns the dict from then on.

        What is outside of the retention window is ignored.
        """
        cells = self._kept(grain, bucket, cells)
        before = self._buckets[grain].pop(bucket, {})
        self._sums[grain].pop(bucket, None)
        if cells:
            self._pairs.update(zip(cells, cells, strict=True))
            self._buckets[grain][bucket] = cells
            self._sums[grain][bucket] = Totals(*map(sum, zip(*cells.values(), strict=True)))
        if grain == "day":
            for drink, totals in _by_drink(before).items():
                self._add_to_drink(drink, ZERO.minus(totals))
            for drink, totals in _by_drink(cells).items():
                self._add_to_drink(drink, totals)

    def move_to(self, retention: RetentionWindow) -> bool:
        """Drop what is outside of another retention window; return True if it is another one."""
        if retention == self.retention:
            return False
        self.retention = retention
        for grain in GRAINS:
            for bucket, cells in [*self._buckets[grain].items()]:
                kept = self._kept(grain, bucket, cells)
                if len(kept) < len(cells):
                    self.set_bucket(grain, bucket, kept)
        return True

    def _kept(
        self, grain: Grain, bucket: int, cells: dict[StoreDrink, Totals]
    ) -> dict[StoreDrink, Totals]:
        retention = self.retention
        if grain == "minute":
            return cells if bucket >= retention.first_minute else {}
        if grain == "hour":
            return cells if bucket > retention.hours_after else {}
        if bucket >= retention.first_common_date:
            return cells
        if bucket < retention.first_date:
            return {}
        return {
            pair: totals
            for pair, totals in cells.items()
            if bucket >= retention.day_of(pair.store).date - _DATES_BEFORE
        }

    def buckets(self, grain: Grain) -> list[int]:
        """Return the buckets that have cells, in order of time."""
        return sorted(self._buckets[grain])

    def bucket(self, grain: Grain, bucket: int) -> dict[StoreDrink, Totals]:
        """Return one bucket's cells; not to be changed by the caller."""
        return self._buckets[grain].get(bucket, {})

    def cells_within(self, grain: Grain, start: int) -> dict[StoreDrink, Totals]:
        """Return the cells that begin within an hour of `start`, or those of a minute or a day.

        Stores whose time zones differ by quarters of an hour have hours of their own, and so has a zone
        before and after its clock changes by half an hour.
        """
        cells = self.bucket(grain, start)
        if grain != "hour":
            return cells
        starts = range(start + 900, start + SECONDS["hour"], 900)
        others = [
            self._buckets["hour"][later] for later in starts if later in self._buckets["hour"]
        ]
        if not others:
            return cells
        merged = dict(cells)
        for other in others:
            for pair, totals in other.items():
                merged[pair] = merged.get(pair, ZERO).plus(totals)
        return merged

    def bucket_sum(self, grain: Grain, bucket: int) -> Totals:
        return self._sums[grain].get(bucket, ZERO)

    def cells(self) -> Iterator[tuple[CellKey, Totals]]:
        """Iterate over all cells, in no particular order."""
        for grain, buckets in self._buckets.items():
            for start, bucket in buckets.items():
                for (store, drink), totals in bucket.items():
                    yield CellKey(grain, start, store, drink), totals

    def total(self, grain: Grain, start: int | None = None) -> Totals:
        """Sum the buckets of a grain, from `start` on if it is given."""
        return sum_up(
            totals
            for bucket, totals in self._sums[grain].items()
            if start is None or bucket >= start
        )

    def totals(self) -> WindowTotals:
        """Sum over each window, and over the business day of each store."""
        minute, hour, day = (self.total(grain) for grain in GRAINS)
        dates = {day.date for day in self.retention.days}
        if len(dates) == 1:
            today = self.bucket_sum("day", dates.pop())
        else:
            today = sum_up(self.today_cells().values())
        return WindowTotals(minute, hour, day, today)

    def cells_total(self, grain: Grain) -> dict[StoreDrink, Totals]:
        """Sum the window of a grain by store and drink."""
        sums: dict[StoreDrink, Totals] = {}
        for cells in self._buckets[grain].values():
            for key, totals in cells.items():
                sums[key] = sums.get(key, ZERO).plus(totals)
        return sums

    def today_cells(self) -> dict[StoreDrink, Totals]:
        """Return the cells of the business day of each store."""
        return {
            pair: totals
            for date in {day.date for day in self.retention.days}
            for pair, totals in self.bucket("day", date).items()
            if self.retention.day_of(pair.store).date == date
        }

    def top_drinks(self, count: int = 5) -> list[tuple[str, Totals]]:
        """Return the drinks with the most orders in the 30-day window, equal ones by their code."""
        ranked = sorted(self._drinks.items(), key=lambda item: (-item[1].orders, item[0]))
        return ranked[:count]

    def _add_to_drink(self, drink: str, totals: Totals) -> None:
        total = self._drinks.get(drink, ZERO).plus(totals)
        if total == ZERO:
            self._drinks.pop(drink, None)
        else:
            self._drinks[drink] = total


def sliding_minute(minute_sum: Callable[[int], Totals], moment: float) -> tuple[float, float]:
    """Return orders and cents over the last sixty seconds; `minute_sum` sums the minute that starts then.

    That is the current minute and a share of the one before, as large as what is missing to sixty seconds:
    an estimate that needs no finer data than minutes.
    """
    current = floor(int(moment), "minute")
    share = 1 - (moment - current) / SECONDS["minute"]
    newest, before = minute_sum(current), minute_sum(current - SECONDS["minute"])
    return newest.orders + share * before.orders, newest.cents + share * before.cents


def _by_drink(cells: dict[StoreDrink, Totals]) -> dict[str, Totals]:
    sums: dict[str, list[int]] = {}
    for (_, drink), (orders, quantity, cents) in cells.items():
        sum_ = sums.setdefault(drink, [0, 0, 0])
        sum_[0] += orders
        sum_[1] += quantity
        sum_[2] += cents
    return {drink: Totals(*sum_) for drink, sum_ in sums.items()}
