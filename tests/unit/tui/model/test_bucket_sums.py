"""Filtered sums are those of the cells that the filter takes, whatever was asked before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import GRAINS, ZERO, CellKey, Totals, at_all_grains, tally_orders
from coffeert.tui.model.bucket_sums import BucketSumCache, merge
from coffeert.tui.model.filter import parse_filter
from tests.calendars import calendars, retention
from tests.unit.strategies import STORES as THREE_STORES
from tests.unit.strategies import Present, fewer, orders, presents

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
    picture = RollupCube(retention(datetime.fromtimestamp(NOON, UTC)))
    sums = BucketSumCache(picture, wanted)
    for cells in changes:
        for key, totals in cells.items():
            picture.set(key, totals)
        sums.forget((key.grain, key.bucket) for key in cells)
        taken = [(k, t) for k, t in picture.cells() if wanted.matches_cell(k.store, k.drink)]
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


@pytest.mark.long
@fewer
@given(presents, st.data())
def test_windows_sum_to_the_servers_totals_whatever_the_clocks_of_the_stores(
    present: Present, data: st.DataObject
) -> None:
    """However the hours of stores lie to each other, while orders come and time passes."""
    cube = RollupCube(present.retention())
    sums = BucketSumCache(cube)
    for minutes in data.draw(st.lists(st.integers(0, 2000), min_size=1, max_size=5)):
        present = present.later(minutes)
        cube.move_to(present.retention())
        placed = data.draw(st.lists(orders(present.now), max_size=5))
        changed = {
            (key.grain, key.bucket)
            for key, totals in at_all_grains(tally_orders(placed), present.calendars()).items()
            if cube.add(key, totals)
        }
        sums.forget(changed)
        sums.trim()
        server = cube.totals()
        for grain, expected in zip(GRAINS, (server.minute, server.hour, server.day), strict=True):
            assert sums.total(grain).total == expected
            by_store = sums.total(grain).stores
            for store in THREE_STORES:
                cells = (t for k, t in cube.cells() if k.grain == grain and k.store == store)
                assert by_store.get(store, ZERO) == total(cells)


def test_the_oldest_day_of_one_store_is_not_counted_once_it_has_left_the_window() -> None:
    """At 18:15 UTC the day ends in Kathmandu, and in Berlin it goes on."""
    at = calendars("Europe/Berlin", 240, central="Asia/Kathmandu")
    moment = datetime(2026, 3, 28, 18, 14, tzinfo=UTC)
    oldest = int(datetime(2026, 2, 27, tzinfo=UTC).timestamp())
    cube = RollupCube(RetentionWindow.at(moment, at))
    sums = BucketSumCache(cube)
    for store, n in (("uptown", 2), ("central", 5)):
        cube.set(CellKey("day", oldest, store, "tea"), Totals(n, n, n))
    assert sums.total("day").total.orders == 7
    cube.move_to(RetentionWindow.at(moment + timedelta(minutes=1), at))
    sums.trim()
    assert sums.total("day").total.orders == cube.totals().day.orders == 2
