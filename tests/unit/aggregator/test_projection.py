"""The projection: when a pass's changes lead on from it, and what they lead to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from coffeert.aggregator.aggregation_pass import message_of
from coffeert.aggregator.projection import Projection
from coffeert.domain.coverage import Coverage
from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import GRAINS, CellKey, Cells, Totals, at_all_grains, tally_orders
from coffeert.domain.view import newest
from coffeert.domain.watermark import Watermark
from coffeert.postgres.passes import PassResult
from coffeert.wire.bus import PassStats
from tests.calendars import calendars
from tests.order_book import order

NOON = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
CALENDARS = calendars("Europe/Berlin", 240, central="Asia/Kathmandu")


def seen(number: int) -> Watermark:
    return Watermark(number, number + 4, frozenset({number + 2}))


def result(
    number: int,
    cells: Cells,
    recent: tuple[Order, ...] = (),
    lineage: str = "one",
    previous: Watermark | None = None,
) -> PassResult:
    return PassResult(
        lineage=lineage,
        nonce="term",
        number=number,
        token=1,
        leader="first",
        previous=previous or seen(number - 1),
        watermark=seen(number),
        data_time=NOON,
        rows=len(recent),
        cells=cells,
        recent=recent,
    )


def test_only_the_next_pass_of_the_same_lineage_at_no_earlier_time_leads_on() -> None:
    at = RetentionWindow.at(NOON, CALENDARS)
    projection = Projection(result(4, {}), CALENDARS, at, {}, ())
    assert projection.precedes(result(5, {}), at)
    later = RetentionWindow.at(NOON + timedelta(days=3), CALENDARS)
    assert projection.precedes(result(5, {}), later)
    assert not projection.precedes(result(4, {}), at)
    assert not projection.precedes(result(6, {}), at)
    assert not projection.precedes(result(5, {}, lineage="two"), at)
    assert not projection.precedes(result(5, {}, previous=seen(3)), at)
    earlier = RetentionWindow.at(NOON - timedelta(minutes=1), CALENDARS)
    assert not projection.precedes(result(5, {}), earlier)


sketches = st.tuples(
    st.integers(-3000, 3000), st.sampled_from(("uptown", "central")), st.integers(1, 99)
)


@given(st.lists(st.tuples(st.integers(0, 900), st.lists(sketches, max_size=6)), max_size=12))
def test_following_pass_after_pass_is_reading_the_tables_again(
    passes: list[tuple[int, list[tuple[int, str, int]]]],
) -> None:
    """However far time moves between two passes, and wherever the orders lie in it."""
    so_far: list[Order] = []
    now = NOON
    projection = Projection(result(0, {}), CALENDARS, RetentionWindow.at(now, CALENDARS), {}, ())
    for number, (minutes, drawn) in enumerate(passes, 1):
        now += timedelta(minutes=minutes)
        retention = RetentionWindow.at(now, CALENDARS)
        new = [
            order(NOON + timedelta(minutes=at), store, quantity=quantity)
            for at, store, quantity in drawn
        ]
        so_far += new
        everything = {
            key: tally
            for key, tally in at_all_grains(tally_orders(so_far), CALENDARS).items()
            if retention.contains(key)
        }
        touched = at_all_grains(tally_orders(new), CALENDARS).keys() & everything.keys()
        changed = {key: everything[key] for key in touched}
        made = result(number, changed, newest(new))
        assert projection.precedes(made, retention)
        projection.apply(made, retention)
        assert dict(projection.cube.cells()) == everything
        assert projection.recent == newest(so_far)


def test_a_message_tells_all_of_a_pass() -> None:
    stats = PassStats(leader="first", rows=1, pass_ms=2.5, interval_s=1)
    cells: Cells = {
        CellKey(grain, 86400 * 20000, "uptown", "latte"): Totals(1, 2, 960) for grain in GRAINS
    }
    retention = RetentionWindow.at(NOON, CALENDARS)
    message = message_of(result(7, cells), retention, stats)
    assert (message.lineage, message.nonce, message.number, message.token) == ("one", "term", 7, 1)
    assert (message.previous, message.watermark) == ("6:10:8", "7:11:9")
    assert message.stats == stats
    change = message.change()
    assert change is not None
    assert (change.previous, change.watermark) == (seen(6), seen(7))
    assert change.coverage == Coverage.of(retention)
    assert change.cells == cells
