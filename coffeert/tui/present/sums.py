"""Filtered sums of buckets, kept until a bucket changes: a tick costs what has changed, not the view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coffeert.cells import ZERO, Grain, Picture, Tally
from coffeert.tui.present.filter import EVERYTHING, Filter


@dataclass(frozen=True, slots=True)
class BucketSums:
    """What one bucket adds up to, altogether, by store and by drink; not to be changed by the caller."""

    total: Tally
    stores: dict[str, Tally]
    drinks: dict[str, Tally]


NOTHING: Final = BucketSums(ZERO, {}, {})


def sum_bucket(cells: Iterable[tuple[tuple[str, str], Tally]], wanted: Filter) -> BucketSums:
    """Add up the cells of one bucket that the filter takes."""
    # A large menu has thousands of cells in each of dozens of buckets: plain numbers until the end.
    stores: dict[str, list[int]] = {}
    drinks: dict[str, list[int]] = {}
    selects = bool(wanted)
    for (store, drink), tally in cells:
        if selects and not wanted.takes_cell(store, drink, tally):
            continue
        orders, quantity, cents = tally
        for sum_ in (stores.setdefault(store, [0, 0, 0]), drinks.setdefault(drink, [0, 0, 0])):
            sum_[0] += orders
            sum_[1] += quantity
            sum_[2] += cents
    total = Tally(*map(sum, zip(*stores.values(), strict=True))) if stores else ZERO
    return BucketSums(total, _tallies(stores), _tallies(drinks))


def _tallies(sums: dict[str, list[int]]) -> dict[str, Tally]:
    return {code: Tally(*sum_) for code, sum_ in sums.items()}


def merge(sums: Iterable[BucketSums]) -> BucketSums:
    """Add buckets together."""
    total = ZERO
    stores: dict[str, Tally] = {}
    drinks: dict[str, Tally] = {}
    for bucket in sums:
        total = total.plus(bucket.total)
        for store, tally in bucket.stores.items():
            stores[store] = stores.get(store, ZERO).plus(tally)
        for drink, tally in bucket.drinks.items():
            drinks[drink] = drinks.get(drink, ZERO).plus(tally)
    return BucketSums(total, stores, drinks)


def scale(bucket: BucketSums, part: float) -> BucketSums:
    """Take a part of a bucket, as if its orders had come evenly."""
    if bucket is NOTHING:
        return bucket
    return BucketSums(
        _scaled(bucket.total, part),
        {code: _scaled(tally, part) for code, tally in bucket.stores.items()},
        {code: _scaled(tally, part) for code, tally in bucket.drinks.items()},
    )


def _scaled(tally: Tally, part: float) -> Tally:
    if tally == ZERO:
        return ZERO
    return Tally(
        round(tally.orders * part), round(tally.quantity * part), round(tally.cents * part)
    )


class Sums:
    """The filtered sums over one picture, bucket by bucket."""

    __slots__ = ("_kept", "picture", "wanted")

    def __init__(self, picture: Picture, wanted: Filter = EVERYTHING) -> None:
        self.picture = picture
        self.wanted = wanted
        self._kept: dict[tuple[Grain, int], BucketSums] = {}

    def bucket(self, grain: Grain, start: int) -> BucketSums:
        """Return the sums of one bucket."""
        kept = self._kept.get((grain, start))
        if kept is None:
            cells = self.picture.bucket(grain, start)
            kept = sum_bucket(cells.items(), self.wanted) if cells else NOTHING
            self._kept[grain, start] = kept
        return kept

    def forget(self, buckets: Iterable[tuple[Grain, int]]) -> None:
        """Drop the buckets that have changed."""
        for name in buckets:
            self._kept.pop(name, None)

    def trim(self) -> None:
        """Drop what lies beyond the picture's horizon."""
        horizon = self.picture.horizon
        for grain, start in [key for key in self._kept if not horizon.keeps(*key)]:
            del self._kept[grain, start]
