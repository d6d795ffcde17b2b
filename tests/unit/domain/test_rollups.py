"""Everything that adds up: against sums worked out order by order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.rollups import (
    BUCKETS,
    GRAINS,
    SECONDS,
    ZERO,
    CellKey,
    Cells,
    Grain,
    RetentionWindow,
    RollupCube,
    StoreDrink,
    Totals,
    at_all_grains,
    floor,
    tally_orders,
)
from tests.unit.strategies import CHANGES, fewer, moments, orders, presents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coffeert.domain.orders import Order

A_DAY_AND_MORE = 28 * 60  # minutes


def sum_of(orders: Iterable[Order]) -> Totals:
    total = ZERO
    for order in orders:
        total = total.plus(Totals(order.count, order.quantity, order.revenue_cents))
    return total


def second(moment: datetime) -> int:
    """The Unix second of a moment, in whole numbers."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def day_began(moment: datetime, zone: tzinfo) -> int:
    """The first minute, by looking at every one, on whose clock it was the moment's day."""
    minute = moment.astimezone(UTC).replace(second=0, microsecond=0)
    day = minute.astimezone(zone).date()
    earlier = (minute - timedelta(minutes=n) for n in range(A_DAY_AND_MORE))
    return second(min(m for m in earlier if m.astimezone(zone).date() == day))


def picture_of(orders: list[Order], retention: RetentionWindow) -> RollupCube:
    cube = RollupCube(retention)
    for key, tally in at_all_grains(tally_orders(orders)).items():
        cube.add(key, tally)
    return cube


@st.composite
def days(draw: st.DrawFn) -> tuple[datetime, tzinfo, list[Order]]:
    """A present, where it is looked at, and the orders so far."""
    now, zone = draw(presents)
    return now, zone, draw(st.lists(orders(now), max_size=12))


@given(presents)
def test_the_local_day_begins_where_the_clock_says(present: tuple[datetime, tzinfo]) -> None:
    moment, zone = present
    retention = RetentionWindow.at(moment, zone)
    assert retention.today_start == day_began(moment, zone)
    assert retention.as_of == second(moment) // 60 * 60
    assert second(retention.moment()) == retention.as_of


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_the_hours_of_the_whole_day_are_at_hand_however_long_it_is(
    name: str, change: datetime
) -> None:
    zone = ZoneInfo(name)
    for minutes in range(-30 * 60, 30 * 60):
        retention = RetentionWindow.at(change + timedelta(minutes=minutes), zone)
        edge, first_hour = retention.partial_first_hour
        assert retention.oldest_bucket("hour") <= first_hour
        assert retention.contains("minute", edge) or edge == first_hour


@fewer
@given(days())
def test_each_window_is_the_sum_of_its_orders(day: tuple[datetime, tzinfo, list[Order]]) -> None:
    now, zone, placed = day
    totals = picture_of(placed, RetentionWindow.at(now, zone)).totals()

    def since(start: int) -> Totals:
        return sum_of(order for order in placed if second(order.placed_at) >= start)

    running = second(now)
    assert totals.minute == since(running // 60 * 60 - 59 * 60)
    assert totals.hour == since(running // 3600 * 3600 - 23 * 3600)
    assert totals.day == since(running // 86400 * 86400 - 29 * 86400)
    assert totals.today == since(day_began(now, zone))


@fewer
@given(days())
def test_sums_agree_whichever_way_they_are_taken(
    day: tuple[datetime, tzinfo, list[Order]],
) -> None:
    now, zone, placed = day
    cube = picture_of(placed, RetentionWindow.at(now, zone))
    retention = cube.retention
    for grain in GRAINS:
        start = retention.window_start(grain)
        by_bucket = [cube.bucket_sum(grain, bucket) for bucket in cube.buckets(grain)]
        by_cell = [tally for key, tally in cube.cells() if key.grain == grain]
        kept = [o for o in placed if retention.contains(grain, floor(second(o.placed_at), grain))]
        assert add_up(by_bucket) == add_up(by_cell) == sum_of(kept)
        assert cube.total(grain, start) == add_up(cube.cells_total(grain, start).values())
        for bucket in cube.buckets(grain):
            assert cube.bucket_sum(grain, bucket) == add_up(cube.bucket(grain, bucket).values())
            assert cube.total(grain, bucket, bucket + 1) == cube.bucket_sum(grain, bucket)
    assert cube.totals().today == add_up(cube.today_cells().values())


def add_up(tallies: Iterable[Totals]) -> Totals:
    total = ZERO
    for tally in tallies:
        total = total.plus(tally)
    return total


@fewer
@given(days(), st.integers(1, 6))
def test_the_top_drinks_are_those_of_thirty_days(
    day: tuple[datetime, tzinfo, list[Order]], count: int
) -> None:
    now, zone, placed = day
    start = second(now) // 86400 * 86400 - 29 * 86400
    inside = [order for order in placed if second(order.placed_at) >= start]
    sums = {
        drink: sum_of(o for o in inside if o.drink == drink) for drink in {o.drink for o in inside}
    }
    expected = sorted(
        ((drink, tally) for drink, tally in sums.items() if tally != ZERO),
        key=lambda item: (-item[1].orders, item[0]),
    )
    assert picture_of(placed, RetentionWindow.at(now, zone)).top_drinks(count) == expected[:count]


@fewer
@given(st.data())
def test_hours_are_sums_of_minutes_and_days_of_hours(data: st.DataObject) -> None:
    placed = data.draw(st.lists(orders(data.draw(moments)), max_size=20))
    cells = at_all_grains(tally_orders(placed))
    for fine, coarse in pairwise(GRAINS):
        sums: Cells = {}
        for key, tally in cells.items():
            if key.grain == fine:
                sums[key.at(coarse)] = sums.get(key.at(coarse), ZERO).plus(tally)
        assert sums == {key: tally for key, tally in cells.items() if key.grain == coarse}
    by_drink, by_store = Counter[str](), Counter[str]()
    for key, tally in cells.items():
        by_drink[key.drink] += tally.cents
        by_store[key.store] += tally.cents
    assert by_drink.total() == by_store.total() == 3 * sum_of(placed).cents


@fewer
@given(st.data())
def test_how_orders_are_grouped_makes_no_difference(data: st.DataObject) -> None:
    now = data.draw(moments)
    placed = data.draw(st.lists(orders(now), max_size=12))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(placed)), max_size=3)))
    retention = RetentionWindow.at(now, UTC)
    cube = RollupCube(retention)
    for start, end in pairwise([0, *cuts, len(placed)]):
        for key, tally in at_all_grains(tally_orders(placed[start:end])).items():
            cube.add(key, tally)
    assert dict(cube.cells()) == dict(picture_of(placed, retention).cells())


@fewer
@given(days(), st.randoms(use_true_random=False))
def test_voiding_every_order_leaves_nothing(
    day: tuple[datetime, tzinfo, list[Order]], random: Random
) -> None:
    now, zone, placed = day
    both = [*placed, *(order.correction(uuid4(), now) for order in placed)]
    random.shuffle(both)
    cube = RollupCube(RetentionWindow.at(now, zone))
    for order in both:
        for key, tally in at_all_grains(tally_orders([order])).items():
            cube.add(key, tally)
    assert dict(cube.cells()) == {}
    assert [cube.buckets(grain) for grain in GRAINS] == [[], [], []]
    assert cube.totals() == RollupCube(cube.retention).totals()
    assert cube.top_drinks() == []


@fewer
@given(days(), st.lists(st.integers(0, 3 * 24 * 60), max_size=6))
def test_time_passing_drops_exactly_what_lies_before_the_windows(
    day: tuple[datetime, tzinfo, list[Order]], waits: list[int]
) -> None:
    now, zone, placed = day
    cube = picture_of(placed, RetentionWindow.at(now, zone))
    cells = at_all_grains(tally_orders(placed))
    for minutes in waits:
        now += timedelta(minutes=minutes)
        retention = RetentionWindow.at(now, zone)
        assert cube.move_to(retention) == (
            retention != RetentionWindow.at(now - timedelta(minutes=minutes), zone)
        )
    fresh = picture_of(placed, cube.retention)
    assert dict(cube.cells()) == dict(fresh.cells())
    assert dict(cube.cells()) == {
        key: tally
        for key, tally in cells.items()
        if tally != ZERO and cube.retention.contains(key.grain, key.bucket)
    }
    assert cube.totals() == fresh.totals()
    assert cube.top_drinks() == fresh.top_drinks()


tallies = st.builds(Totals, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))


@st.composite
def cell_writes(draw: st.DrawFn) -> list[tuple[CellKey, Totals]]:
    """Absolute values for a few cells, some of them beyond the retention window, some zero."""
    grain: Grain = draw(st.sampled_from(GRAINS))
    keys = st.builds(
        CellKey,
        st.just(grain),
        st.integers(-2, BUCKETS[grain] + 3).map(lambda n: START - n * SECONDS[grain]),
        st.sampled_from(["uptown", "central"]),
        st.sampled_from(["tea", "latte"]),
    )
    return draw(st.lists(st.tuples(keys, tallies), max_size=25))


START = 1_767_225_600  # the first second of 2026, at which a bucket of every grain begins


@given(cell_writes())
def test_a_cube_holds_the_last_value_of_each_cell(writes: list[tuple[CellKey, Totals]]) -> None:
    retention = RetentionWindow(START, START)
    cube = RollupCube(retention)
    expected: Cells = {}
    for key, tally in writes:
        kept = retention.contains(key.grain, key.bucket)
        assert cube.set(key, tally) == (kept and expected.get(key, ZERO) != tally)
        if kept:
            expected[key] = tally
    assert dict(cube.cells()) == {key: t for key, t in expected.items() if t != ZERO}
    assert all(cube.get(key) == tally for key, tally in expected.items())
    sums = {key.bucket: ZERO for key in expected}
    for key, tally in expected.items():
        sums[key.bucket] = sums[key.bucket].plus(tally)
    for key, _ in writes:
        assert cube.bucket_sum(key.grain, key.bucket) == sums.get(key.bucket, ZERO)


def test_the_windows_are_those_of_the_design() -> None:
    retention = RetentionWindow(START + 7 * 3600 + 17 * 60, START)
    assert [retention.window_start(grain) - START for grain in GRAINS] == [
        6 * 3600 + 18 * 60, -16 * 3600, -29 * 86400,
    ]  # fmt: skip


@given(st.data(), presents)
def test_a_bucket_set_at_once_is_as_its_cells_set_one_by_one(
    data: st.DataObject, present: tuple[datetime, tzinfo]
) -> None:
    retention = RetentionWindow.at(*present)
    one, other = RollupCube(retention), RollupCube(retention)
    for _ in range(3):
        grain = data.draw(st.sampled_from(GRAINS))
        bucket = floor(retention.as_of, grain) - SECONDS[grain] * data.draw(st.integers(-1, 70))
        pairs = st.builds(StoreDrink, st.sampled_from("us"), st.sampled_from("tlm"))
        tallies = st.builds(Totals, *[st.integers(-9, 9)] * 3).filter(lambda tally: tally != ZERO)
        cells = data.draw(st.dictionaries(pairs, tallies))
        for store, drink in {**one.bucket(grain, bucket)}.keys() - cells.keys():
            one.set(CellKey(grain, bucket, store, drink), ZERO)
        for (store, drink), tally in cells.items():
            one.set(CellKey(grain, bucket, store, drink), tally)
        other.set_bucket(grain, bucket, cells)
        assert dict(one.cells()) == dict(other.cells())
        assert all(other.get(key) == tally for key, tally in one.cells())
        assert one.totals() == other.totals()
        assert one.top_drinks(9) == other.top_drinks(9)
        assert all(one.buckets(g) == other.buckets(g) for g in GRAINS)


def test_memory_is_bounded_by_the_horizon() -> None:
    """A year of time, in which every minute has an order."""
    cube = RollupCube(RetentionWindow(START, START))
    for hour in range(24 * 90):
        now = START + hour * 3600
        cube.move_to(RetentionWindow(now, now // 86400 * 86400))
        for grain in GRAINS:
            cube.set(CellKey(grain, floor(now, grain), "uptown", "tea"), Totals(1, 1, 290))
    assert len(cube.buckets("minute")) == 1
    assert len(cube.buckets("hour")) <= 28
    assert len(cube.buckets("day")) == 30
