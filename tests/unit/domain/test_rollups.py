"""Everything that adds up: against sums worked out order by order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.orders import Order
from coffeert.domain.retention_window import LocalDay, RetentionWindow
from coffeert.domain.rollup_cube import RollupCube, WindowTotals
from coffeert.domain.rollups import (
    BUCKETS,
    GRAINS,
    SECONDS,
    ZERO,
    CellKey,
    Cells,
    Grain,
    StoreDrink,
    Totals,
    at_all_grains,
    floor,
    tally_orders,
)
from tests.calendars import calendars, retention
from tests.unit.strategies import (
    STORES,
    Present,
    Rule,
    fewer,
    moments,
    orders,
    presents,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COUNTS = {("sale", False): 1, ("refund", False): 0, ("sale", True): -1, ("refund", True): 0}
"""What an order counts for, by what it is and whether it is the void of one."""


def sum_of(orders: Iterable[Order]) -> Totals:
    """Add orders up: a void has the opposite sign of what it voids."""
    total = ZERO
    for order in orders:
        voids = order.voids is not None
        kind = "sale" if (order.quantity > 0) != voids else "refund"
        cents = order.amount if order.amount is not None else order.quantity * order.price_cents
        total = total.plus(Totals(COUNTS[kind, voids], order.quantity, cents))
    return total


def add_up(tallies: Iterable[Totals]) -> Totals:
    total = ZERO
    for tally in tallies:
        total = total.plus(tally)
    return total


class Picture:
    """What is to be seen of orders at a moment, order by order."""

    def __init__(self, present: Present, placed: list[Order]) -> None:
        self.present = present
        self.placed = placed
        self.minute = seconds(present.now) // 60 * 60
        self.dates = {store: present.rule(store).date(present.now) for store in STORES}

    def kept(self, grain: Grain) -> list[Order]:
        """Return the orders inside of a window: an hour or a day is that of the order's store."""
        inside: dict[Grain, Callable[[Order], bool]] = {
            "minute": lambda o: self.bucket("minute", o) >= self.minute - 59 * 60,
            "hour": lambda o: self.bucket("hour", o) > self.minute - 24 * 3600,
            "day": lambda o: self.bucket("day", o) >= self.dates[o.store] - 29 * 86400,
        }
        return [order for order in self.placed if inside[grain](order)]

    def today(self) -> list[Order]:
        return [o for o in self.placed if self.bucket("day", o) == self.dates[o.store]]

    def totals(self) -> WindowTotals:
        minute, hour, day = (sum_of(self.kept(grain)) for grain in GRAINS)
        return WindowTotals(minute, hour, day, sum_of(self.today()))

    def bucket(self, grain: Grain, order: Order) -> int:
        rule, moment = self.present.rule(order.store), order.placed_at
        if grain == "minute":
            return seconds(moment) // 60 * 60
        return rule.hour(moment) if grain == "hour" else rule.date(moment)

    def cells(self) -> Cells:
        """Sum the orders of each cell."""
        cells: dict[CellKey, list[Order]] = {}
        for grain in GRAINS:
            for order in self.kept(grain):
                key = CellKey(grain, self.bucket(grain, order), order.store, order.drink)
                cells.setdefault(key, []).append(order)
        sums = {key: sum_of(some) for key, some in cells.items()}
        return {key: totals for key, totals in sums.items() if totals != ZERO}


def cube_of(present: Present, placed: list[Order]) -> RollupCube:
    cube = RollupCube(present.retention())
    for key, tally in at_all_grains(tally_orders(placed), present.calendars()).items():
        cube.add(key, tally)
    return cube


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """A present, and the orders so far."""
    present = draw(presents)
    return Picture(present, draw(st.lists(orders(present.now), max_size=12)))


@pytest.mark.long
@given(presents)
def test_the_business_day_is_that_of_each_store(present: Present) -> None:
    window = present.retention()
    assert window.as_of == seconds(present.now) // 60 * 60
    assert seconds(window.moment()) == window.as_of
    for store in STORES:
        rule, day = present.rule(store), window.day_of(store)
        assert (day.zone, day.starts) == rule
        assert day.date == rule.date(present.now)
        assert day.hour == rule.hour(present.now)
        assert day.begins <= window.as_of < day.ends
        first, last = (datetime.fromtimestamp(n, UTC) for n in (day.begins, day.ends - 900))
        assert rule.date(first) == rule.date(last) == day.date
        before, after = (datetime.fromtimestamp(n, UTC) for n in (day.begins - 900, day.ends))
        assert rule.date(before) < day.date < rule.date(after)


@fewer
@given(pictures())
def test_each_window_is_the_sum_of_its_orders(picture: Picture) -> None:
    assert cube_of(picture.present, picture.placed).totals() == picture.totals()


@fewer
@given(pictures())
def test_each_cell_is_the_sum_of_its_orders(picture: Picture) -> None:
    assert dict(cube_of(picture.present, picture.placed).cells()) == picture.cells()


@fewer
@given(pictures())
def test_sums_agree_whichever_way_they_are_taken(picture: Picture) -> None:
    cube = cube_of(picture.present, picture.placed)
    for grain in GRAINS:
        by_bucket = [cube.bucket_sum(grain, bucket) for bucket in cube.buckets(grain)]
        by_cell = [tally for key, tally in cube.cells() if key.grain == grain]
        assert add_up(by_bucket) == add_up(by_cell) == cube.total(grain)
        assert cube.total(grain) == add_up(cube.cells_total(grain).values())
        for bucket in cube.buckets(grain):
            assert cube.bucket_sum(grain, bucket) == add_up(cube.bucket(grain, bucket).values())
            later = [cube.bucket_sum(grain, b) for b in cube.buckets(grain) if b >= bucket]
            assert cube.total(grain, bucket) == add_up(later)
    assert cube.totals().today == add_up(cube.today_cells().values())


@fewer
@given(pictures())
def test_an_hour_of_all_stores_has_each_local_hour_once(picture: Picture) -> None:
    """Hours of stores whose clocks differ by quarters begin within the hour, whichever is asked for."""
    cube = cube_of(picture.present, picture.placed)
    for phase in range(0, 3600, 900):
        starts = {(bucket - phase) // 3600 * 3600 + phase for bucket in cube.buckets("hour")}
        sums = [add_up(cube.cells_within("hour", start).values()) for start in starts]
        assert add_up(sums) == cube.total("hour")


BERLIN = Rule("Europe/Berlin", 240)
NEPAL = Rule("Asia/Kathmandu")


def order_at(moment: datetime, store: str, quantity: int = 1) -> Order:
    return Order(uuid4(), store, "tea", quantity, 300, moment, moment)


@pytest.mark.parametrize(
    ("now", "today"),
    [  # Berlin's Saturday ends at 02:00 UTC, as clocks are put forward; Nepal's at 18:15 UTC
        ("2026-03-28T18:14", (28, 28)),
        ("2026-03-28T18:15", (28, 29)),
        ("2026-03-29T01:59", (28, 29)),
        ("2026-03-29T02:00", (29, 29)),
        ("2026-03-29T18:15", (29, 30)),
        ("2026-03-30T01:59", (29, 30)),
        ("2026-03-30T02:00", (30, 30)),
    ],
)
def test_today_is_the_sum_of_each_stores_own_day(now: str, today: tuple[int, int]) -> None:
    """Berlin, from 04:00, on the weekend of the change of clocks; Kathmandu from midnight."""
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    every = [
        order_at(datetime(2026, 3, 27, tzinfo=UTC) + timedelta(minutes=15 * n), store, 1 + n % 3)
        for n in range(4 * 24 * 4)
        for store in ("uptown", "central")
    ]
    placed = [order for order in every if order.placed_at <= moment]
    berlin = {27: "27T03:00", 28: "28T03:00", 29: "29T02:00", 30: "30T02:00"}
    nepal = {27: "26T18:15", 28: "27T18:15", 29: "28T18:15", 30: "29T18:15"}
    began = {
        "uptown": datetime.fromisoformat(f"2026-03-{berlin[today[0]]}Z"),
        "central": datetime.fromisoformat(f"2026-03-{nepal[today[1]]}Z"),
    }
    cube = RollupCube(RetentionWindow.at(moment, TWO))
    for key, tally in at_all_grains(tally_orders(placed), TWO).items():
        cube.add(key, tally)
    expected = [order for order in placed if order.placed_at >= began[order.store]]
    assert cube.totals().today == sum_of(expected)
    assert cube.today_cells() == {
        StoreDrink(store, "tea"): sum_of(o for o in expected if o.store == store)
        for store in {order.store for order in expected}
    }


TWO = calendars(*BERLIN, central=NEPAL.zone)

KINDS = ["sale", "refund", "void of a sale", "void of a refund"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.integers(1, 9999),
            st.integers(0, 10**8),
            st.none() | st.integers(0, 10**12),
        ),
        max_size=20,
    )
)
def test_a_sale_counts_one_a_refund_nothing_and_a_void_takes_its_target_back(
    drawn: list[tuple[str, int, int, int | None]],
) -> None:
    placed, expected = [], [0, 0, 0]
    for kind, pieces, price, amount in drawn:
        sign = 1 if kind in ("sale", "void of a refund") else -1
        placed.append(
            Order(
                uuid4(),
                "uptown",
                "tea",
                sign * pieces,
                price,
                NOW,
                NOW,
                voids=uuid4() if kind.startswith("void") else None,
                amount=None if amount is None else sign * amount,
            )
        )
        expected[0] += {"sale": 1, "void of a sale": -1}.get(kind, 0)
        expected[1] += sign * pieces
        expected[2] += sign * (pieces * price if amount is None else amount)
    key = CellKey("minute", seconds(NOW), "uptown", "tea")
    assert tally_orders(placed) == ({key: Totals(*expected)} if placed else {})


NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@fewer
@given(pictures(), st.integers(1, 6))
def test_the_top_drinks_are_those_of_thirty_days(picture: Picture, count: int) -> None:
    inside = picture.kept("day")
    sums = {
        drink: sum_of(o for o in inside if o.drink == drink) for drink in {o.drink for o in inside}
    }
    expected = sorted(
        ((drink, tally) for drink, tally in sums.items() if tally != ZERO),
        key=lambda item: (-item[1].orders, item[0]),
    )
    cube = cube_of(picture.present, picture.placed)
    assert cube.top_drinks(count) == expected[:count]


@pytest.mark.long
@fewer
@given(pictures())
def test_each_grain_has_every_order_once(picture: Picture) -> None:
    cells = at_all_grains(tally_orders(picture.placed), picture.present.calendars())
    for grain in GRAINS:
        assert add_up(t for key, t in cells.items() if key.grain == grain) == sum_of(picture.placed)
    by_drink, by_store = Counter[str](), Counter[str]()
    for key, tally in cells.items():
        by_drink[key.drink] += tally.cents
        by_store[key.store] += tally.cents
    assert by_drink.total() == by_store.total() == 3 * sum_of(picture.placed).cents


def test_minutes_that_the_calendars_do_not_reach_to_are_left_out() -> None:
    ends = TWO.calendars[0].loaded_to // 60 * 60
    minutes = {CellKey("minute", n, "uptown", "tea"): Totals(1, 1, 1) for n in (ends, ends + 60)}
    assert {key.bucket for key in at_all_grains(minutes, TWO) if key.grain == "minute"} == {ends}


@pytest.mark.long
@fewer
@given(st.data())
def test_how_orders_are_grouped_makes_no_difference(data: st.DataObject) -> None:
    now = data.draw(moments)
    placed = data.draw(st.lists(orders(now), max_size=12))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(placed)), max_size=3)))
    present = Present(now, NEPAL, {"central": BERLIN})
    cube = RollupCube(present.retention())
    for start, end in pairwise([0, *cuts, len(placed)]):
        cells = at_all_grains(tally_orders(placed[start:end]), present.calendars())
        for key, tally in cells.items():
            cube.add(key, tally)
    assert dict(cube.cells()) == dict(cube_of(present, placed).cells())


@pytest.mark.long
@fewer
@given(pictures(), st.randoms(use_true_random=False))
def test_voiding_every_order_leaves_nothing(picture: Picture, random: Random) -> None:
    present = picture.present
    placed = [order for order in picture.placed if order.voids is None]
    both = [*placed, *(order.correction(uuid4(), present.now) for order in placed)]
    random.shuffle(both)
    cube, calendars = RollupCube(present.retention()), present.calendars()
    for order in both:
        for key, tally in at_all_grains(tally_orders([order]), calendars).items():
            cube.add(key, tally)
    assert dict(cube.cells()) == {}
    assert [cube.buckets(grain) for grain in GRAINS] == [[], [], []]
    assert cube.totals() == RollupCube(cube.retention).totals()
    assert cube.top_drinks() == []


@pytest.mark.long
@fewer
@given(pictures(), st.lists(st.integers(0, 3 * 24 * 60), max_size=6))
def test_time_passing_drops_exactly_what_lies_before_the_windows(
    picture: Picture, waits: list[int]
) -> None:
    present = picture.present
    cube = cube_of(present, picture.placed)
    for minutes in waits:
        before, present = present, present.later(minutes)
        assert cube.move_to(present.retention()) == (present.retention() != before.retention())
    later = Picture(present, picture.placed)
    assert dict(cube.cells()) == later.cells()
    assert cube.totals() == later.totals()
    fresh = cube_of(present, picture.placed)
    assert cube.top_drinks() == fresh.top_drinks()
    assert all(cube.buckets(grain) == fresh.buckets(grain) for grain in GRAINS)


def test_the_oldest_day_leaves_the_window_of_each_store_when_its_own_day_ends() -> None:
    day = CellKey("day", DAY - 29 * 86400, "uptown", "tea")
    moment = datetime(2026, 3, 28, 18, 14, tzinfo=UTC)
    cube = RollupCube(RetentionWindow.at(moment, TWO))
    for store, n in (("uptown", 2), ("central", 5)):
        cube.set(day._replace(store=store), Totals(n, n, n))
    assert cube.totals().day.orders == 7
    cube.move_to(RetentionWindow.at(moment + timedelta(minutes=1), TWO))  # in Nepal it is Sunday
    assert (cube.totals().day.orders, cube.get(day)) == (2, Totals(2, 2, 2))
    assert not cube.set(day._replace(store="central"), Totals(5, 5, 5))
    assert cube.top_drinks() == [("tea", Totals(2, 2, 2))]
    cube.move_to(RetentionWindow.at(datetime(2026, 3, 29, 2, tzinfo=UTC), TWO))
    assert dict(cube.cells()) == {}


DAY = seconds(datetime(2026, 3, 28, tzinfo=UTC))


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


START = seconds(datetime(2026, 3, 1, tzinfo=UTC))  # at which a bucket of every grain begins


@given(cell_writes())
def test_a_cube_holds_the_last_value_of_each_cell(writes: list[tuple[CellKey, Totals]]) -> None:
    window = retention(datetime.fromtimestamp(START, UTC))
    cube = RollupCube(window)
    expected: Cells = {}
    for key, tally in writes:
        first = START - (BUCKETS[key.grain] - 1) * SECONDS[key.grain]
        kept = key.bucket >= first
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
    """60 minutes, 24 local hours and 30 business days, of which the last is the running one."""
    for zone, ahead in (("UTC", 0), ("Asia/Kathmandu", 345)):
        moment = datetime(2026, 3, 1, 7, 17, 30, tzinfo=UTC)
        window = RetentionWindow.at(moment, calendars(zone))
        running: dict[Grain, int] = {
            "minute": seconds(moment) // 60 * 60,
            "hour": (seconds(moment) + 60 * ahead) // 3600 * 3600 - 60 * ahead,
            "day": START,
        }
        for grain in GRAINS:
            buckets = [running[grain] + n * SECONDS[grain] for n in range(-70, 3)]
            kept = [b for b in buckets if window.contains(CellKey(grain, b, "uptown", "tea"))]
            assert len(kept) == BUCKETS[grain] + 2
            assert kept == buckets[-len(kept) :]


@pytest.mark.long
@given(st.data(), presents)
def test_a_bucket_set_at_once_is_as_its_cells_set_one_by_one(
    data: st.DataObject, present: Present
) -> None:
    window = present.retention()
    one, other = RollupCube(window), RollupCube(window)
    for _ in range(3):
        grain = data.draw(st.sampled_from(GRAINS))
        bucket = floor(window.as_of, grain) - SECONDS[grain] * data.draw(st.integers(-1, 70))
        pairs = st.builds(StoreDrink, st.sampled_from(STORES), st.sampled_from("tlm"))
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


def test_memory_is_bounded_by_the_windows() -> None:
    """Three months, in which every hour has an order."""
    cube = RollupCube(RetentionWindow.at(datetime(2026, 3, 1, tzinfo=UTC), TWO))
    for hour in range(24 * 90):
        moment = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour)
        cube.move_to(RetentionWindow.at(moment, TWO))
        placed = [order_at(moment, store) for store in ("uptown", "central")]
        for key, tally in at_all_grains(tally_orders(placed), TWO).items():
            cube.add(key, tally)
    assert len(cube.buckets("minute")) == 1
    assert len(cube.buckets("hour")) == 2 * 24  # of each store
    assert len(cube.buckets("day")) <= 31


def test_running_buckets_are_the_defaults_hour_and_the_latest_date() -> None:
    moment = seconds(datetime(2026, 3, 28, 20, 40, tzinfo=UTC))
    window = RetentionWindow.at(datetime.fromtimestamp(moment, UTC), TWO)
    begins = seconds(datetime(2026, 3, 28, 18, 15, tzinfo=UTC))
    assert window.running("minute", moment + 7.5) == (moment, moment, moment + 60)
    assert window.running("hour", moment) == (moment - 2400, moment - 2400, moment + 1200)
    sunday = DAY + 86400
    assert window.running("day", moment) == (sunday, begins, begins + 86400)
    after = begins + 86400  # a view that lags behind
    assert window.running("day", after) == (sunday + 86400, after, after + 86400)


def test_a_retention_window_knows_the_days_of_stores_without_a_calendar_of_their_own() -> None:
    window = RetentionWindow.at(NOW, TWO)
    assert [day.zone for day in window.days] == ["Europe/Berlin", "Asia/Kathmandu"]
    assert isinstance(window.day_of("central"), LocalDay)
    assert window.day_of("central").zone == "Asia/Kathmandu"
    assert window.day_of("nowhere").zone == "Europe/Berlin"
    with pytest.raises(ValueError, match="outside of the span"):
        RetentionWindow.at(datetime(2030, 1, 1, tzinfo=UTC), TWO)
