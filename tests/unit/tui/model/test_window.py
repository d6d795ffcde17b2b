"""BucketSumCache of ranges against counting every cell."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.calendar import Calendars
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import SECONDS, ZERO, CellKey, Grain, Totals, at_all_grains, floor
from coffeert.tui.model.bucket_sums import BucketSumCache, merge, scale
from coffeert.tui.model.filter import Filter, parse_filter
from coffeert.tui.model.window import RANGES, Range, window
from coffeert.tui.render.breakdown import rows_by, top_drinks
from coffeert.tui.render.export import window_json
from coffeert.tui.render.kpi import orders_per_minute
from tests.calendars import calendars_around

NOW = datetime(2026, 3, 14, 10, 6, 24, 500_000, tzinfo=UTC)
STORES, DRINKS = ("uptown", "central"), ("latte", "tea", "mocha")
UTC_ONLY = calendars_around(NOW)
KINDS = (UTC_ONLY, calendars_around(NOW, "Europe/Berlin", 240, central=("Asia/Kathmandu", 0)))
"""One calendar, and two whose hours and days lie apart."""
Sold = list[tuple[int, str, str, int, int, bool]]


def sold_at(*ages: st.SearchStrategy[int]) -> st.SearchStrategy[Sold]:
    """Orders of these ages in seconds."""
    return st.lists(
        st.tuples(
            st.one_of(*ages),
            st.sampled_from(STORES),
            st.sampled_from(DRINKS),
            st.integers(1, 5),
            st.integers(100, 900),
            st.booleans(),
        ),
        max_size=60,
    )


orders = sold_at(st.integers(0, 3600), st.integers(0, 31 * 86400))
orders_ahead_too = sold_at(st.integers(-300, 0), st.integers(0, 3600), st.integers(0, 31 * 86400))
filters = st.sampled_from(["", "latte", "store:up -tea", "-central", "price>4.50"]).map(
    parse_filter
)


def picture_of(sold: Sold, now: datetime = NOW, calendars: Calendars = UTC_ONLY) -> RollupCube:
    """Put orders, given by their age in seconds, into a picture; the last field voids them."""
    minutes: dict[CellKey, Totals] = {}
    for age, store, drink, quantity, cents, void in sold:
        at = int((NOW - timedelta(seconds=age)).timestamp())
        key = CellKey("minute", floor(at, "minute"), store, drink)
        totals = Totals(1, quantity, quantity * cents)
        minutes[key] = minutes.get(key, ZERO).plus(ZERO.minus(totals) if void else totals)
    picture = RollupCube(RetentionWindow.at(now, calendars))
    for key, totals in at_all_grains(minutes, calendars).items():
        picture.set(key, totals)
    return picture


def brute(picture: RollupCube, grain: Grain, first: int, wanted: Filter) -> Totals:
    """Add up every cell that belongs in, from a bucket on."""
    total = ZERO
    for key, totals in picture.cells():
        if key.grain == grain and key.bucket >= first and wanted.matches_cell(*key[2:]):
            total = total.plus(totals)
    return total


@settings(max_examples=150)
@given(orders_ahead_too, st.sampled_from(RANGES), filters, st.sampled_from(KINDS))
def test_a_window_adds_up_to_its_cells(
    sold: Sold, span: Range, wanted: Filter, calendars: Calendars
) -> None:
    picture = picture_of(sold, calendars=calendars)
    made = window(BucketSumCache(picture, wanted), None, span, NOW.timestamp())
    starts = list(span.starts(NOW.timestamp(), picture.retention))
    assert len(starts) == span.buckets
    # The longest window of a grain is all that the view has of it, the oldest hour of others included.
    whole = span.name in ("1h", "24h", "30d")
    first = 0 if whole else starts[0]
    everything = brute(picture, span.grain, first, wanted)
    assert made.sums.total == everything
    before = everything.orders - brute(picture, span.grain, starts[0], wanted).orders
    ahead = brute(picture, span.grain, starts[-1] + SECONDS[span.grain], wanted).orders
    assert sum(t.orders for t in made.bucket_totals) + before + ahead == everything.orders
    for side in (made.sums.stores, made.sums.drinks):
        assert sum(t.cents for t in side.values()) == made.sums.total.cents


@given(orders_ahead_too, st.sampled_from(KINDS))
def test_without_a_filter_the_long_windows_equal_the_servers_totals(
    sold: Sold, calendars: Calendars
) -> None:
    picture = picture_of(sold, calendars=calendars)
    totals = picture.totals()
    for span, total in (
        (RANGES[3], totals.minute),
        (RANGES[4], totals.hour),
        (RANGES[5], totals.day),
    ):
        assert window(BucketSumCache(picture), None, span, NOW.timestamp()).sums.total == total


@settings(max_examples=100)
@given(orders, st.sampled_from(RANGES[:3]))
def test_the_window_before_is_the_same_length_at_the_same_phase(sold: Sold, span: Range) -> None:
    sums = BucketSumCache(picture_of(sold))
    retention = sums.cube.retention
    made = window(sums, None, span, NOW.timestamp())
    assert made.previous_bucket_totals is not None
    starts = [start - span.seconds for start in made.starts]
    assert list(made.previous_bucket_totals[:-1]) == [
        sums.bucket("minute", s).total for s in starts[:-1]
    ]
    cut = scale(sums.bucket("minute", starts[-1]), span.elapsed(NOW.timestamp(), retention))
    assert made.previous_bucket_totals[-1] == cut.total


@settings(max_examples=60)
@given(orders, st.sampled_from(RANGES[3:]))
def test_a_past_picture_gives_the_window_before(sold: Sold, span: Range) -> None:
    then = NOW - timedelta(seconds=span.seconds)
    past = picture_of([(one[0] + span.seconds, *one[1:]) for one in sold], then)
    made = window(BucketSumCache(picture_of([])), BucketSumCache(past), span, NOW.timestamp())
    assert made.previous is not None
    assert made.previous.total == past.total(span.grain)


@pytest.mark.parametrize(
    ("span", "grain", "behind", "counted"),
    [
        (RANGES[4], "hour", 0, 0),  # not held any more
        (RANGES[3], "minute", 0, 0),
        (RANGES[3], "minute", 60, 10),  # held, as the view is a minute behind
    ],
)
def test_a_bucket_that_began_after_the_past_was_taken_is_not_counted_whole(
    span: Range, grain: Grain, behind: int, counted: int
) -> None:
    taken = NOW.replace(minute=59, second=50)
    now = NOW.replace(hour=11, minute=0, second=15, microsecond=0)
    length = timedelta(seconds=span.seconds)
    past = RollupCube(RetentionWindow.at(taken - length, UTC_ONLY))
    present = RollupCube(RetentionWindow.at(now - timedelta(seconds=behind), UTC_ONLY))
    cut = floor(int((now - length).timestamp()), grain)
    assert present.set(CellKey(grain, cut, "uptown", "tea"), Totals(40, 40, 80)) == (counted > 0)
    made = window(BucketSumCache(present), BucketSumCache(past), span, now.timestamp())
    assert made.previous is not None
    assert made.previous.total == Totals(counted, counted, 2 * counted)


@given(orders, filters)
def test_kept_sums_are_right_after_any_bucket_changes(sold: Sold, wanted: Filter) -> None:
    picture = picture_of([])
    sums = BucketSumCache(picture, wanted)
    for span in RANGES:
        window(sums, None, span, NOW.timestamp())
    touched = set()
    for key, totals in picture_of(sold).cells():
        picture.set(key, totals)
        touched.add((key.grain, key.bucket))
    sums.forget(touched)
    for span in RANGES:
        kept = window(sums, None, span, NOW.timestamp())
        assert kept == window(BucketSumCache(picture, wanted), None, span, NOW.timestamp())


@given(orders, st.sampled_from(KINDS))
def test_the_top_drinks_are_the_servers(sold: Sold, calendars: Calendars) -> None:
    picture = picture_of(sold, calendars=calendars)
    sums = BucketSumCache(picture)
    made = top_drinks(sums, window(sums, None, RANGES[2], NOW.timestamp()))
    assert [(row.code, row.totals) for row in made] == picture.top_drinks()


@given(orders)
def test_shares_add_up_to_one_if_something_was_sold(
    sold: Sold,
) -> None:
    made = window(BucketSumCache(picture_of(sold)), None, RANGES[3], NOW.timestamp())
    rows = rows_by(made, "drink")
    if made.sums.total.orders > 0 and all(row.totals.orders >= 0 for row in rows):
        assert abs(sum(row.share for row in rows) - 1) < 1e-9


def test_pace_slides_from_minute_to_minute_without_a_jump() -> None:
    minute = floor(int(NOW.timestamp()), "minute")
    picture = RollupCube(RetentionWindow.at(NOW, UTC_ONLY))
    picture.set(CellKey("minute", minute - 60, "uptown", "tea"), Totals(60, 60, 600))
    assert orders_per_minute(BucketSumCache(picture), minute + 0.0) == 60
    assert orders_per_minute(BucketSumCache(picture), minute + 30.0) == 30
    picture.set(CellKey("minute", minute, "uptown", "tea"), Totals(30, 30, 300))
    assert orders_per_minute(BucketSumCache(picture), minute + 30.0) == 60


def test_the_hours_of_a_clock_that_changed_by_half_an_hour_add_up() -> None:
    """On Lord Howe at 15:00 UTC, 02:00 became 01:30; hours began at half past before that."""
    moment = datetime(2026, 4, 5, 9, 20, tzinfo=UTC)
    there = calendars_around(moment, "Australia/Lord_Howe")
    cube = RollupCube(RetentionWindow.at(moment, there))
    minutes = {
        CellKey("minute", int(moment.timestamp()) // 900 * 900 - 900 * n, "uptown", "tea"): Totals(
            1, 2, 600
        )
        for n in range(96)
    }
    for key, totals in at_all_grains(minutes, there).items():
        cube.set(key, totals)
    assert {start % 3600 for start in cube.buckets("hour")} == {0, 1800}
    made = window(BucketSumCache(cube), None, RANGES[4], moment.timestamp())
    assert made.sums.total == cube.totals().hour
    assert all(totals.orders for totals in made.bucket_totals)


def test_days_are_named_by_their_dates_and_last_from_start_to_start() -> None:
    """The Sunday on which clocks go forward has 23 hours in Berlin, from 04:00 on Saturday."""
    moment = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    berlin = RetentionWindow.at(moment, calendars_around(moment, "Europe/Berlin", 240))
    starts = RANGES[5].starts(moment.timestamp(), berlin)
    assert datetime.fromtimestamp(starts[-1], UTC) == datetime(2026, 3, 28, tzinfo=UTC)
    assert RANGES[5].elapsed(moment.timestamp(), berlin) == 22 / 23
    assert RANGES[4].elapsed(moment.timestamp() + 900, berlin) == 1 / 4


@pytest.mark.parametrize(
    ("span", "newest"),
    [(RANGES[5], "2026-03-14"), (RANGES[4], "2026-03-14T10:00:00+00:00")],
)
def test_exported_buckets_are_named_by_their_starts_and_days_by_their_dates(
    span: Range, newest: str
) -> None:
    made = window(BucketSumCache(picture_of([])), None, span, NOW.timestamp())
    buckets = json.loads(window_json(made, "", 2))["buckets"]
    assert buckets[-1]["name"] == newest
    assert len(buckets) == span.buckets


def test_merging_nothing_is_nothing() -> None:
    assert merge([]).total == ZERO
    assert SECONDS["minute"] == 60
