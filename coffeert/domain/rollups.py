"""Rollups: what was ordered in one bucket of time, at one store, of one drink; and sums over them.

A bucket is named by the Unix time of its start, in seconds; all buckets are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal, NamedTuple

import msgspec

from coffeert.domain.orders import Order

Grain = Literal["minute", "hour", "day"]
GRAINS: Final[tuple[Grain, ...]] = ("minute", "hour", "day")
SECONDS: Final[dict[Grain, int]] = {"minute": 60, "hour": 3600, "day": 86400}
BUCKETS: Final[dict[Grain, int]] = {"minute": 60, "hour": 24, "day": 30}
"""How many buckets a window has, the current one included."""

HOURS_KEPT: Final = 27
"""As many hours as the longest local day so far had (Casey, 2010); 25 are not rare."""


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

    def at(self, grain: Grain) -> CellKey:
        """Return the cell of a coarser grain that contains this one."""
        return CellKey(grain, floor(self.bucket, grain), self.store, self.drink)


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
        quantity = order.quantity
        sum_[0] += 1 if quantity > 0 else -1
        sum_[1] += quantity
        sum_[2] += quantity * order.price_cents
    return {
        CellKey("minute", bucket, store, drink): Totals(*sum_)
        for (bucket, store, drink), sum_ in sums.items()
    }


def at_all_grains(minutes: Cells) -> Cells:
    """Return minute cells together with the hour and day cells that they add up to."""
    cells = dict(minutes)
    for key, totals in minutes.items():
        add(cells, key.at("hour"), totals)
        add(cells, key.at("day"), totals)
    return cells


class RetentionWindow(msgspec.Struct, frozen=True):
    """How far back cells are kept, as of one minute.

    `as_of` is the start of the current minute, `today_start` of the local day, in Unix seconds.
    Later buckets are inside too: the clock of a till may be ahead.
    """

    as_of: int
    today_start: int

    @classmethod
    def at(cls, moment: datetime, timezone: tzinfo) -> RetentionWindow:
        """Return the window as of a moment, with the local day of `timezone`."""
        local = moment.astimezone(timezone)
        midnight = datetime(local.year, local.month, local.day, tzinfo=timezone)
        return cls(floor(int(moment.timestamp()), "minute"), int(midnight.timestamp()))

    def window_start(self, grain: Grain) -> int:
        """Return the first bucket of the grain's window, such as the last 60 minutes."""
        return floor(self.as_of, grain) - (BUCKETS[grain] - 1) * SECONDS[grain]

    def oldest_bucket(self, grain: Grain) -> int:
        """Return the first bucket that is kept: the window's, and hours enough for the local day."""
        if grain == "hour":
            return floor(self.as_of, "hour") - (HOURS_KEPT - 1) * SECONDS["hour"]
        return self.window_start(grain)

    @property
    def partial_first_hour(self) -> tuple[int, int]:
        """The minutes [start, end) from local midnight to the next full hour, possibly none."""
        first_hour = floor(self.today_start + SECONDS["hour"] - 1, "hour")
        return self.today_start, first_hour

    def contains(self, grain: Grain, bucket: int) -> bool:
        """Return True if a bucket is kept."""
        if bucket >= self.oldest_bucket(grain):
            return True
        start, end = self.partial_first_hour
        return grain == "minute" and start <= bucket < end

    def moment(self) -> datetime:
        """Return the start of the current minute."""
        return datetime.fromtimestamp(self.as_of, UTC)


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
        if before == totals or not self.retention.contains(key.grain, key.bucket):
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

        A bucket outside of the retention window is ignored.
        """
        if not self.retention.contains(grain, bucket):
            return
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
            for bucket in [b for b in self._buckets[grain] if not retention.contains(grain, b)]:
                dropped = self._buckets[grain].pop(bucket)
                del self._sums[grain][bucket]
                if grain == "day":
                    for (_, drink), totals in dropped.items():
                        self._add_to_drink(drink, ZERO.minus(totals))
        return True

    def buckets(self, grain: Grain) -> list[int]:
        """Return the buckets that have cells, in order of time."""
        return sorted(self._buckets[grain])

    def bucket(self, grain: Grain, bucket: int) -> dict[StoreDrink, Totals]:
        """Return one bucket's cells; not to be changed by the caller."""
        return self._buckets[grain].get(bucket, {})

    def bucket_sum(self, grain: Grain, bucket: int) -> Totals:
        return self._sums[grain].get(bucket, ZERO)

    def cells(self) -> Iterator[tuple[CellKey, Totals]]:
        """Iterate over all cells, in no particular order."""
        for grain, buckets in self._buckets.items():
            for start, bucket in buckets.items():
                for (store, drink), totals in bucket.items():
                    yield CellKey(grain, start, store, drink), totals

    def total(self, grain: Grain, start: int, end: int | None = None) -> Totals:
        """Sum the buckets of a grain in [start, end), up to the newest if `end` is `None`."""
        total = ZERO
        for bucket, totals in self._sums[grain].items():
            if bucket >= start and (end is None or bucket < end):
                total = total.plus(totals)
        return total

    def totals(self) -> WindowTotals:
        """Sum over each window and over the local day."""
        minute, hour, day = (self.total(g, self.retention.window_start(g)) for g in GRAINS)
        edge_start, edge_end = self.retention.partial_first_hour
        today = self.total("minute", edge_start, edge_end).plus(self.total("hour", edge_end))
        return WindowTotals(minute, hour, day, today)

    def cells_total(
        self, grain: Grain, start: int, end: int | None = None
    ) -> dict[StoreDrink, Totals]:
        """Sum the buckets of a grain in [start, end) by store and drink."""
        sums: dict[StoreDrink, Totals] = {}
        for bucket, cells in self._buckets[grain].items():
            if bucket >= start and (end is None or bucket < end):
                for key, totals in cells.items():
                    sums[key] = sums.get(key, ZERO).plus(totals)
        return sums

    def today_cells(self) -> dict[StoreDrink, Totals]:
        """Sum the local day by store and drink."""
        edge_start, edge_end = self.retention.partial_first_hour
        sums = self.cells_total("hour", edge_end)
        for key, totals in self.cells_total("minute", edge_start, edge_end).items():
            sums[key] = sums.get(key, ZERO).plus(totals)
        return sums

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
