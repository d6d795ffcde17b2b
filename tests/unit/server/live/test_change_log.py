"""Deltas from any version that is kept, however many versions a client has missed."""

from __future__ import annotations

import gc
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import CellKey, Totals
from coffeert.domain.view import RECENT_ORDERS, View
from coffeert.domain.watermark import Xid
from coffeert.server.live import change_log as module
from coffeert.server.live.change_log import ChangeLog, Position
from coffeert.server.live.live_view import LiveView
from coffeert.wire.frames import Delta, Snapshot, change_from, decode_server_frame
from tests.order_book import order
from tests.unit.server.live.test_live_view import CALENDARS, NOW, RETENTION, History, shown

DRINKS = ("latte", "tea", "mocha", "cortado")


class Shop:
    """A live view, its change log, and orders that come."""

    def __init__(self) -> None:
        self.live = LiveView(CALENDARS, NOW)
        self.live.load(History().snapshot(), RETENTION)
        self.log = ChangeLog(self.live)
        self.orders = 0

    def sell(self, drink: str, orders: int = 1, seconds: int = 0) -> None:
        """Commit orders of one drink in one version."""
        self.orders += 1
        placed_at = NOW + timedelta(seconds=seconds)
        key = CellKey("minute", int(NOW.timestamp()), "uptown", drink)
        batch = PendingBatches.of({Xid(100 + self.orders): {key: Totals(orders, orders, 480)}})
        made = [order(placed_at, drink=drink) for _ in range(orders)]
        self.live.apply_pending([batch], made)
        assert self.log.commit_version()

    def reader(self) -> View:
        """Return a client's copy of what is shown now."""
        frame = decode_server_frame(self.log.snapshot()[1])
        assert isinstance(frame, Snapshot)
        return View(change_from(frame.view))

    def bring_up_to_date(self, reader: View, version: int) -> None:
        """Apply the delta from a version."""
        delta = decode_server_frame(self.log.delta(version))
        assert isinstance(delta, Delta)
        assert (delta.from_, delta.to) == (version, self.log.version)
        reader.apply(change_from(delta.view))


sales = st.tuples(st.sampled_from(DRINKS), st.integers(1, 3 * RECENT_ORDERS), st.integers(-50, 50))


@given(st.lists(st.lists(sales, min_size=1, max_size=6), min_size=1, max_size=5))
def test_a_reader_that_missed_versions_has_what_one_has_that_missed_none(
    missed: list[list[tuple[str, int, int]]],
) -> None:
    shop = Shop()
    follows, comes_back = shop.reader(), shop.reader()
    for some in missed:
        before = shop.log.version
        for drink, orders, seconds in some:
            shop.sell(drink, orders, seconds)
            shop.bring_up_to_date(follows, shop.log.version - 1)
        shop.bring_up_to_date(comes_back, before)
        assert shown(comes_back) == shown(follows) == shown(shop.live.view)
        assert comes_back.recent == follows.recent == shop.live.view.recent


def test_what_has_left_the_windows_is_in_no_delta() -> None:
    shop = Shop()
    shop.sell("latte")
    before, reader = shop.log.version, shop.reader()
    shop.sell("tea")
    later = RetentionWindow.at(NOW + timedelta(hours=3), CALENDARS)
    assert shop.live.move_to(later)
    assert shop.log.commit_version()
    delta = decode_server_frame(shop.log.delta(before))
    assert isinstance(delta, Delta)
    assert all(later.contains(key) for key in change_from(delta.view).cells)
    shop.bring_up_to_date(reader, before)
    assert shown(reader) == shown(shop.live.view)


def test_a_reader_that_missed_too_many_versions_gets_a_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_VERSIONS", 3)
    shop = Shop()
    for number in range(6):
        shop.sell(DRINKS[number % 4])
    epoch, version = shop.log.position
    can = [number for number in range(version + 2) if shop.log.can_resume(Position(epoch, number))]
    assert can == list(range(version - 3, version + 1))
    assert not shop.log.can_resume(Position("other", version))


def test_a_change_of_more_cells_than_are_kept_is_told_by_a_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop()
    shop.sell("latte")
    cells = len(change_from(_delta(shop).view).cells)  # an order's own at all grains
    monkeypatch.setattr(module, "MAX_CELLS", cells)
    for drink in DRINKS[1:]:
        before = shop.log.position
        shop.sell(drink)
        assert shop.log.can_resume(before)
    assert not shop.log.can_resume(Position(before.epoch, before.version - 1))
    monkeypatch.setattr(module, "MAX_CELLS", cells - 1)
    before = shop.log.position
    shop.sell("latte")
    assert not shop.log.can_resume(before)
    assert shop.log.can_resume(shop.log.position)


def test_versions_cost_the_garbage_collector_little_while_the_same_cells_change() -> None:
    shop = Shop()
    for _ in range(100):
        shop.sell("latte")
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(400):
        shop.sell("latte")
    gc.collect()
    # An order that no pass has counted is 4 objects in the live view.
    assert len(gc.get_objects()) - before < 8 * 400


def _delta(shop: Shop) -> Delta:
    delta = decode_server_frame(shop.log.delta(shop.log.version - 1))
    assert isinstance(delta, Delta)
    return delta
