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
from coffeert.domain.rollups import SECONDS, ZERO, CellKey, Totals, at_all_grains, floor
from coffeert.tui.model.bucket_sums import BucketSumCache, merge, scale
from coffeert.tui.model.filter import Filter, parse_filter
from coffeert.tui.model.window import (
    DEFAULT_RANGE,
    RANGE,
    RANGES,
    Range,
    Window,
    minutes_window,
    today_window,
)
from coffeert.tui.render.chart import last_minutes
from coffeert.tui.render.export import window_json
from tests.calendars import calendars_around

NOW = datetime(2026, 3, 14, 10, 6, 24, 500_000, tzinfo=UTC)
STORES, DRINKS = ("uptown", "central"), ("latte", "tea", "mocha")
UTC_ONLY = calendars_around(NOW)
KINDS = (UTC_ONLY, calendars_around(NOW, "Europe/Berlin", 240, central=("Asia/Kathmandu", 0)))
"""One calendar, and two whose hours and days lie apart."""
DATES_APART = calendars_around(NOW, "Europe/Berlin", 240, central=("Pacific/Kiritimati", 0))
"""At one store it is tomorrow already."""
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
filters = st.sampled_from(["", "latte", "store:up -tea", "-central"]).map(parse_filter)


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


LIVE = [span for span in RANGES if span.minutes]
LONGEST = RANGE["1 hour"]


def shown(sums: BucketSumCache, span: Range, now: datetime = NOW) -> Window:
    """Sum a range of the live view."""
    if span.minutes:
        return minutes_window(sums, None, span, now.timestamp())
    return today_window(sums, span, now.timestamp())


def brute(picture: RollupCube, first: int, wanted: Filter) -> Totals:
    """Add up every minute that belongs in, from one on."""
    total = ZERO
    for key, totals in picture.cells():
        if key.grain == "minute" and key.bucket >= first and wanted.matches_cell(*key[2:]):
            total = total.plus(totals)
    return total


@settings(max_examples=150)
@given(orders_ahead_too, st.sampled_from(LIVE), filters, st.sampled_from(KINDS))
def test_a_window_adds_up_to_its_cells(
    sold: Sold, span: Range, wanted: Filter, calendars: Calendars
) -> None:
    picture = picture_of(sold, calendars=calendars)
    made = shown(BucketSumCache(picture, wanted), span)
    starts = list(span.starts(NOW.timestamp()))
    assert len(starts) == span.minutes
    # The longest window is all that the view has.
    everything = brute(picture, 0 if span == LONGEST else starts[0], wanted)
    assert made.sums.total == everything
    before = everything.orders - brute(picture, starts[0], wanted).orders
    ahead = brute(picture, starts[-1] + 60, wanted).orders
    assert sum(t.orders for t in made.bucket_totals) + before + ahead == everything.orders
    for side in (made.sums.stores, made.sums.drinks):
        assert sum(t.cents for t in side.values()) == made.sums.total.cents


@given(orders_ahead_too, st.sampled_from(KINDS))
def test_without_a_filter_an_hour_and_today_equal_the_servers_totals(
    sold: Sold, calendars: Calendars
) -> None:
    picture = picture_of(sold, calendars=calendars)
    totals, sums = picture.totals(), BucketSumCache(picture)
    assert shown(sums, LONGEST).sums.total == totals.minute
    assert shown(sums, DEFAULT_RANGE).sums.total == totals.today


@settings(max_examples=150)
@given(orders, filters, st.sampled_from((*KINDS, DATES_APART)))
def test_today_is_each_stores_own_day(sold: Sold, wanted: Filter, calendars: Calendars) -> None:
    picture = picture_of(sold, calendars=calendars)
    total = ZERO
    for key, totals in picture.cells():
        today = picture.retention.day_of(key.store).date
        if key.grain == "day" and key.bucket == today and wanted.matches_cell(*key[2:]):
            total = total.plus(totals)
    made = shown(BucketSumCache(picture, wanted), DEFAULT_RANGE).sums
    assert made.total == total
    for side in (made.stores, made.drinks):
        assert sum(t.orders for t in side.values()) == total.orders


@settings(max_examples=100)
@given(orders)
def test_the_window_before_is_the_same_length_at_the_same_phase(sold: Sold) -> None:
    span = RANGE["15 min"]
    sums = BucketSumCache(picture_of(sold))
    made = shown(sums, span)
    assert made.previous_bucket_totals is not None
    starts = [start - span.seconds for start in made.starts]
    assert list(made.previous_bucket_totals[:-1]) == [
        sums.bucket("minute", s).total for s in starts[:-1]
    ]
    assert made.elapsed == pytest.approx(24.5 / 60)
    cut = scale(sums.bucket("minute", starts[-1]), made.elapsed)
    assert made.previous_bucket_totals[-1] == cut.total


@settings(max_examples=60)
@given(orders, st.sampled_from(LIVE))
def test_a_past_picture_gives_the_window_before(sold: Sold, span: Range) -> None:
    then = NOW - timedelta(seconds=span.seconds)
    past = picture_of([(one[0] + span.seconds, *one[1:]) for one in sold], then)
    sums = BucketSumCache(picture_of([]))
    made = minutes_window(sums, BucketSumCache(past), span, NOW.timestamp())
    assert made.previous is not None
    first = span.starts(NOW.timestamp())[0] - span.seconds
    assert made.previous.total == past.total("minute", first)


@pytest.mark.parametrize(("behind", "counted"), [(0, 0), (60, 10)])
def test_a_minute_that_began_after_the_past_was_taken_is_not_counted_whole(
    behind: int, counted: int
) -> None:
    """It is only known if the view, being a minute behind, still holds it."""
    taken = NOW.replace(minute=59, second=50)
    now = NOW.replace(hour=11, minute=0, second=15, microsecond=0)
    length = timedelta(seconds=LONGEST.seconds)
    past = RollupCube(RetentionWindow.at(taken - length, UTC_ONLY))
    present = RollupCube(RetentionWindow.at(now - timedelta(seconds=behind), UTC_ONLY))
    cut = floor(int((now - length).timestamp()), "minute")
    assert present.set(CellKey("minute", cut, "uptown", "tea"), Totals(40, 40, 80)) == (counted > 0)
    sums = BucketSumCache(present)
    made = minutes_window(sums, BucketSumCache(past), LONGEST, now.timestamp())
    assert made.previous is not None
    assert made.previous.total == Totals(counted, counted, 2 * counted)


@given(orders, filters)
def test_kept_sums_are_right_after_any_bucket_changes(sold: Sold, wanted: Filter) -> None:
    picture = picture_of([])
    sums = BucketSumCache(picture, wanted)
    for span in (*LIVE, DEFAULT_RANGE):
        shown(sums, span)
    touched = set()
    for key, totals in picture_of(sold).cells():
        picture.set(key, totals)
        touched.add((key.grain, key.bucket))
    sums.forget(touched)
    for span in (*LIVE, DEFAULT_RANGE):
        assert shown(sums, span) == shown(BucketSumCache(picture, wanted), span)


def test_the_last_minutes_slide_without_a_jump() -> None:
    minute = floor(int(NOW.timestamp()), "minute")
    picture = RollupCube(RetentionWindow.at(NOW, UTC_ONLY))
    picture.set(CellKey("minute", minute - 600, "uptown", "tea"), Totals(60, 60, 600))
    assert last_minutes(BucketSumCache(picture), minute + 0.0).orders == 60
    assert last_minutes(BucketSumCache(picture), minute + 30.0).orders == 30
    picture.set(CellKey("minute", minute, "uptown", "tea"), Totals(30, 30, 300))
    picture.set(CellKey("minute", minute - 60, "uptown", "tea"), Totals(7, 7, 70))
    assert last_minutes(BucketSumCache(picture), minute + 30.0).orders == 67


def test_exported_minutes_are_named_by_their_starts() -> None:
    made = shown(BucketSumCache(picture_of([])), LONGEST)
    buckets = json.loads(window_json(made, "", 2))["buckets"]
    assert buckets[-1]["name"] == "2026-03-14T10:06:00+00:00"
    assert len(buckets) == 60


def test_merging_nothing_is_nothing() -> None:
    assert merge([]).total == ZERO
    assert SECONDS["minute"] == 60
