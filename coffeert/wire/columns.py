"""Cells as parallel columns: in frames, in the snapshot in Redis, and in the terminal's history.

Each cell of a bucket has a number, its key. `CellColumns` are the keys in ascending order, and beside
them the cells' orders, quantities and cents. What the keys stand for is kept apart from the columns,
since neighbouring buckets mostly hold the same stores and drinks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from coffeert.domain.rollups import CellKey, Grain, StoreDrink, Totals

CellColumns = tuple[list[int], list[int], list[int], list[int]]
"""Keys, orders, quantities, cents."""


def to_columns(cells: Iterable[tuple[int, Totals]]) -> CellColumns:
    """Return the columns of cells that are given by their keys, each key once."""
    ranked = sorted(cells)
    if not ranked:
        return [], [], [], []
    keys, totals = zip(*ranked, strict=True)
    orders, quantity, cents = zip(*totals, strict=True)
    return list(keys), list(orders), list(quantity), list(cents)


def from_columns(
    columns: CellColumns, pairs: Sequence[StoreDrink]
) -> Iterator[tuple[StoreDrink, Totals]]:
    """Iterate over the cells of columns whose keys are places in `pairs`.

    Raises `LookupError` or `ValueError` for columns that cannot be read.
    """
    keys, *values = columns
    return zip(map(pairs.__getitem__, keys), _totals(*values), strict=True)


def grid_offsets(
    stores: Iterable[str], drinks: Iterable[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return what each store and each drink adds to a key, both in order of code.

    So a key is `store index * number of drinks + drink index`.
    """
    columns = {drink: index for index, drink in enumerate(sorted(set(drinks)))}
    return {store: row * len(columns) for row, store in enumerate(sorted(set(stores)))}, columns


def from_grid(
    grain: Grain, bucket: int, columns: CellColumns, stores: Sequence[str], drinks: Sequence[str]
) -> Iterator[tuple[CellKey, Totals]]:
    """Iterate over the cells of a bucket whose keys are those of `grid_offsets`.

    Raises `LookupError` or `ValueError` for columns that cannot be read.
    """
    # Nearly every caller wants the cells by name, and a pair of its own for each would double the cost.
    width = len(drinks) or 1
    keys, *values = columns
    for key, totals in zip(keys, _totals(*values), strict=True):
        store, drink = divmod(key, width)
        if store < 0:
            raise LookupError(f"no cell has the key {key}")
        yield CellKey(grain, bucket, stores[store], drinks[drink]), totals


def _totals(orders: list[int], quantity: list[int], cents: list[int]) -> Iterator[Totals]:
    return map(Totals._make, zip(orders, quantity, cents, strict=True))
