"""Filtered sums of buckets, cached until a bucket changes: a tick costs what changed, not the view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import ZERO, Grain, StoreDrink, Totals
from coffeert.tui.model.filter import EVERYTHING, Filter


@dataclass(frozen=True, slots=True)
class BucketSums:
    """Totals of one bucket: of everything, by store and by drink. Callers must not change them."""

    total: Totals
    stores: dict[str, Totals]
    drinks: dict[str, Totals]


_Cell = tuple[StoreDrink, Totals]

NOTHING: Final = BucketSums(ZERO, {}, {})


def sum_bucket(cells: Iterable[_Cell]) -> BucketSums:
    # A large menu has thousands of cells in each of dozens of buckets: no `Totals` before the end.
    stores: dict[str, list[int]] = {}
    drinks: dict[str, list[int]] = {}
    for (store, drink), (orders, quantity, cents) in cells:
        for sum_ in (stores.setdefault(store, [0, 0, 0]), drinks.setdefault(drink, [0, 0, 0])):
            sum_[0] += orders
            sum_[1] += quantity
            sum_[2] += cents
    total = Totals(*map(sum, zip(*stores.values(), strict=True))) if stores else ZERO
    return BucketSums(total, _totals_by_code(stores), _totals_by_code(drinks))


def _totals_by_code(sums: dict[str, list[int]]) -> dict[str, Totals]:
    return {code: Totals(*sum_) for code, sum_ in sums.items()}


def merge(sums: Iterable[BucketSums]) -> BucketSums:
    total = ZERO
    stores: dict[str, Totals] = {}
    drinks: dict[str, Totals] = {}
    for bucket in sums:
        total = total.plus(bucket.total)
        for store, totals in bucket.stores.items():
            stores[store] = stores.get(store, ZERO).plus(totals)
        for drink, totals in bucket.drinks.items():
            drinks[drink] = drinks.get(drink, ZERO).plus(totals)
    return BucketSums(total, stores, drinks)


def scale(bucket: BucketSums, part: float) -> BucketSums:
    """Return a part of a bucket, as if its orders were spread evenly."""
    if bucket is NOTHING:
        return bucket
    return BucketSums(
        _scaled(bucket.total, part),
        {code: _scaled(totals, part) for code, totals in bucket.stores.items()},
        {code: _scaled(totals, part) for code, totals in bucket.drinks.items()},
    )


def _scaled(totals: Totals, part: float) -> Totals:
    if totals == ZERO:
        return ZERO
    return Totals(
        round(totals.orders * part), round(totals.quantity * part), round(totals.cents * part)
    )


class BucketSumCache:
    """Filtered sums of the buckets of one cube."""

    __slots__ = ("_cached", "_matching", "_today", "cube", "wanted")

    def __init__(self, cube: RollupCube, wanted: Filter = EVERYTHING) -> None:
        self.cube = cube
        self.wanted = wanted
        self._cached: dict[tuple[Grain, int], BucketSums] = {}
        self._matching: dict[StoreDrink, bool] = {}
        self._today: tuple[RetentionWindow, BucketSums] | None = None

    def today(self) -> BucketSums:
        """Sum the running business day of each store."""
        retention = self.cube.retention
        if self._today is None or self._today[0] != retention:
            cells = self._matching_cells(self.cube.today_cells())
            self._today = retention, sum_bucket(cells)
        return self._today[1]

    def bucket(self, grain: Grain, start: int) -> BucketSums:
        cached = self._cached.get((grain, start))
        if cached is None:
            cells = self.cube.cells_within(grain, start)
            cached = sum_bucket(self._matching_cells(cells)) if cells else NOTHING
            self._cached[grain, start] = cached
        return cached

    def _matching_cells(self, cells: Mapping[StoreDrink, Totals]) -> Iterable[_Cell]:
        """Return the cells that the filter matches."""
        wanted, matching = self.wanted, self._matching
        if not wanted:
            return cells.items()
        # Only codes are compared, and they are the same in every bucket.
        for pair in cells.keys() - matching.keys():
            matching[pair] = wanted.matches_cell(*pair)
        return (cell for cell in cells.items() if matching[cell[0]])

    def forget(self, buckets: Iterable[tuple[Grain, int]]) -> None:
        """Drop the buckets that have changed."""
        for grain, start in buckets:
            self._cached.pop((grain, start), None)
            if grain == "day":
                self._today = None
            if grain == "hour":  # a bucket of `cells_within` may begin up to three quarters before
                for earlier in range(start - 2700, start, 900):
                    self._cached.pop((grain, earlier), None)

    def trim(self) -> None:
        """Drop the buckets that are older than the cube keeps, at some store or at all."""
        first = {
            "minute": self.cube.retention.first_minute,
            "hour": self.cube.retention.hours_after - 3600,
            "day": self.cube.retention.first_common_date,
        }
        for grain, start in [key for key in self._cached if key[1] < first[key[0]]]:
            del self._cached[grain, start]

    def total(self, grain: Grain, start: int | None = None) -> BucketSums:
        """Sum all buckets, or those from `start` on."""
        names = set(self.cube.buckets(grain))
        if grain == "hour":
            hour = self.cube.retention.days[0].hour
            names = {name - (name - hour) % 3600 for name in names}
        return merge(self.bucket(grain, name) for name in names if start is None or name >= start)
