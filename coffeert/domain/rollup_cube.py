"""All cells within a retention window, by bucket, with the sums of each bucket."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from coffeert.domain.retention_window import DATES_BEFORE, RetentionWindow
from coffeert.domain.rollups import (
    GRAINS,
    SECONDS,
    ZERO,
    CellKey,
    Grain,
    StoreDrink,
    Totals,
    sum_up,
)


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
            if bucket >= retention.day_of(pair.store).date - DATES_BEFORE
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


def _by_drink(cells: dict[StoreDrink, Totals]) -> dict[str, Totals]:
    sums: dict[str, list[int]] = {}
    for (_, drink), (orders, quantity, cents) in cells.items():
        sum_ = sums.setdefault(drink, [0, 0, 0])
        sum_[0] += orders
        sum_[1] += quantity
        sum_[2] += cents
    return {drink: Totals(*sum_) for drink, sum_ in sums.items()}
