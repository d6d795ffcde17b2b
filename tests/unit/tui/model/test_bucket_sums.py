"""Filtered sums are those of the cells that the filter takes, whatever was asked before."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.rollups import ZERO, CellKey, RetentionWindow, RollupCube, Totals
from coffeert.tui.model.bucket_sums import BucketSumCache, merge
from coffeert.tui.model.filter import parse_filter

NOON = 1_772_366_400
STORES, DRINKS = ("uptown", "central"), ("tea", "latte", "mocha")
BUCKETS = tuple(NOON - 60 * n for n in range(3))

keys = st.builds(
    CellKey,
    st.just("minute"),
    st.sampled_from(BUCKETS),
    st.sampled_from(STORES),
    st.sampled_from(DRINKS),
)
pieces = st.integers(-5, 5)
bucket_totals = st.builds(lambda n, price: Totals(n, n, n * price), pieces, st.integers(0, 900))


@pytest.mark.parametrize(
    "text", ["", "tea", "-tea", "store:up", "drink:tea,latte -central", "price>4", "price<3 uptown"]
)
@given(st.lists(st.dictionaries(keys, bucket_totals, max_size=9), max_size=3))
def test_sums_are_those_of_the_cells_taken(text: str, changes: list[dict[CellKey, Totals]]) -> None:
    wanted = parse_filter(text)
    picture = RollupCube(RetentionWindow(NOON, NOON))
    sums = BucketSumCache(picture, wanted)
    for cells in changes:
        for key, totals in cells.items():
            picture.set(key, totals)
        sums.forget((key.grain, key.bucket) for key in cells)
        taken = [(k, t) for k, t in picture.cells() if wanted.matches_cell(k.store, k.drink, t)]
        together = merge(sums.bucket("minute", bucket) for bucket in BUCKETS)
        assert together.total == total(t for _, t in taken)
        for store in STORES:
            expected = total(t for k, t in taken if k.store == store)
            assert together.stores.get(store, ZERO) == expected
        for drink in DRINKS:
            expected = total(t for k, t in taken if k.drink == drink)
            assert together.drinks.get(drink, ZERO) == expected


def total(bucket_totals: Iterable[Totals]) -> Totals:
    """Add tallies, one by one."""
    result = ZERO
    for totals in bucket_totals:
        result = result.plus(totals)
    return result
