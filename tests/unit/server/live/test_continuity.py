"""What the live view takes for the continuation of what it shows, and what it loads instead."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from coffeert.domain.coverage import Coverage
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import GRAINS, SECONDS, CellKey, Totals
from coffeert.domain.view import PassChange, View
from coffeert.domain.watermark import Watermark, Xid
from coffeert.server.live.change_log import ChangeLog, Position
from coffeert.server.live.live_view import LiveView
from coffeert.wire.frames import Snapshot, change_from, decode_server_frame
from tests.calendars import calendars
from tests.order_book import order
from tests.unit.server.live.test_live_view import CALENDARS, NOW, RETENTION, History, shown

KEY = CellKey("minute", RETENTION.as_of, "uptown", "latte")


def sale(history: History) -> Xid:
    """Commit an order; return its transaction."""
    xid = Xid(history.next_xid)
    history.begin({KEY: Totals(1, 1, 480)})
    history.commit(len(history.running) - 1)
    return xid


def receive(live: LiveView, history: History, xid: Xid) -> None:
    live.apply_pending([PendingBatches.of({xid: history.committed[xid]})], ())


class Server:
    """A live view, kept up to date as the updater does it."""

    def __init__(self, history: History) -> None:
        self.live = LiveView(CALENDARS, NOW)
        self.history = history
        self.loads = 0
        self.load()

    def load(self) -> None:
        self.loads += 1
        self.live.expect()
        self.live.load(self.history.snapshot(), RETENTION)

    def play(self, step: str) -> None:
        match step:
            case "order":
                sale(self.history)
            case "shown order":
                receive(self.live, self.history, sale(self.history))
            case "missed pass":
                self.history.aggregate()
            case "pass":
                self.history.aggregate()
                self.hear(self.history.passes[-1])
            case "elect":
                self.history.nonce += "'"

    def hear(self, change: PassChange) -> None:
        if not self.live.apply_pass(change):
            self.load()

    @property
    def orders(self) -> int:
        return self.live.view.cube.get(KEY).orders


steps = st.lists(
    st.one_of(
        st.just("order"),
        st.just("shown order"),
        st.just("pass"),
        st.just("missed pass"),
        st.just("elect"),
        st.just("copy"),
        st.just("put back"),
        st.just("put back with its leader"),
    ),
    max_size=30,
)
MISSED = ["shown order"] * 3 + ["missed pass"] * 3 + ["shown order", "pass"]


@given(steps)
@example(["order", "pass", "copy", "order", "pass", "put back", "pass", "order", "pass"])
@example(["copy", "order", "pass", "put back", "order", "order", "missed pass", "order", "pass"])
@example(["copy", *["shown order"] * 20, "put back", *MISSED])
@example(["copy", "order", "pass", "pass", "put back with its leader", "pass", "order", "pass"])
def test_a_copy_put_back_is_right_with_the_second_pass(steps: list[str]) -> None:
    """Whatever was missed before.

    If even the leader's memory was copied along, lost orders that no pass had counted are shown until their
    transactions' ids come round, one with each pass.
    """
    server = Server(History())
    kept = copy.deepcopy(server.history)
    for number, step in enumerate(steps):
        if step == "copy":
            kept = copy.deepcopy(server.history)
        elif step.startswith("put back"):
            now = server.history.time  # which does not go back
            server.history = copy.deepcopy(kept)
            server.history.time = now
            if step == "put back":
                server.history.nonce = f"term {number}"
        else:
            server.play(step)
    for _ in range(40 if "put back with its leader" in steps else 2):
        server.history.aggregate()
        server.hear(server.history.passes[-1])
    truth = len(server.history.committed)
    assert (server.orders, server.live.pending_batches) == (truth, 0)


def test_a_pass_is_applied_without_loading_if_it_follows() -> None:
    server = Server(History())
    for number in range(1, 5):
        sale(server.history)
        server.history.aggregate()
        server.hear(server.history.passes[-1])
        assert server.orders == number
    assert server.loads == 1


def test_passes_that_were_on_their_way_when_a_later_one_was_loaded_cost_nothing() -> None:
    history = History()
    server = Server(history)
    for _ in range(5):
        sale(history)
        history.aggregate()
    for change in history.passes:
        server.hear(change)
    server.hear(history.passes[-1])
    assert (server.orders, server.loads) == (5, 1)
    server = Server(history)  # which has all of them already
    for change in history.passes:
        server.hear(change)
    assert (server.orders, server.loads) == (5, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"lineage": "two"},
        {"nonce": "another term"},
        {"previous": Watermark(10, 11)},
        {"coverage": Coverage.of(RetentionWindow.at(NOW + timedelta(minutes=10), CALENDARS))},
        {"coverage": Coverage.of(RetentionWindow.at(NOW + timedelta(hours=2), CALENDARS))},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_pass_that_does_not_follow_is_not_applied(other: dict[str, object]) -> None:
    server = Server(History())
    sale(server.history)
    server.history.aggregate()
    change = server.history.passes[-1]
    assert not server.live.apply_pass(replace(change, **other))
    assert server.orders == 0
    assert server.live.apply_pass(change)
    assert server.orders == 1


def test_a_pass_that_changed_nothing_covers_all_time() -> None:
    server = Server(History())
    server.history.aggregate()
    assert server.live.apply_pass(replace(server.history.passes[-1], coverage=None, cells={}))


def test_a_server_whose_clock_is_behind_does_not_take_later_windows_for_the_whole() -> None:
    history = History()
    live = LiveView(CALENDARS, NOW - timedelta(minutes=10))
    live.load(history.snapshot(), live.view.cube.retention)
    sale(history)
    history.aggregate()
    assert not live.apply_pass(history.passes[-1])
    theirs = Coverage.of(live.view.cube.retention)
    assert live.apply_pass(replace(history.passes[-1], coverage=theirs))


ZONES = st.sampled_from(("UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"))


@given(st.integers(0, 3000), st.integers(0, 3000), ZONES, ZONES)
@pytest.mark.long
def test_what_is_included_lacks_no_bucket(mine: int, theirs: int, zone: str, other: str) -> None:
    def at(minutes: int, zone: str) -> RetentionWindow:
        moment = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes)
        return RetentionWindow.at(moment, calendars(zone))

    has, needs = at(mine, zone), at(theirs, other)
    if Coverage.of(has).includes(Coverage.of(needs)):
        for grain in GRAINS:
            step = 900 if grain == "hour" else SECONDS[grain]
            for bucket in range(needs.as_of // 86400 * 86400 - 31 * 86400, needs.as_of, step):
                key = CellKey(grain, bucket, "uptown", "latte")
                assert has.contains(key) or not needs.contains(key)
    else:
        assert mine > theirs or zone != other


def test_another_history_takes_pending_and_recent_orders_with_it() -> None:
    history = History()
    kept = copy.deepcopy(history)
    server = Server(history)
    server.live.apply_pending(
        [PendingBatches.of({Xid(50): {KEY: Totals(1, 1, 480)}})], [order(NOW)]
    )
    change_log = ChangeLog(server.live)
    before = change_log.position
    server.history = kept
    server.load()  # the transaction has never begun there
    assert (server.orders, server.live.pending_batches, server.live.view.recent) == (0, 0, ())
    change_log.commit_version()
    assert not change_log.can_resume(before)


def test_a_history_that_goes_on_keeps_the_epoch() -> None:
    server = Server(History())
    change_log = ChangeLog(server.live)
    epoch = change_log.epoch
    for _ in range(3):
        receive(server.live, server.history, sale(server.history))
        server.history.nonce += "'"
        server.history.aggregate()
        server.load()
        change_log.commit_version()
    assert change_log.epoch == epoch


def test_time_that_goes_back_is_followed_in_a_new_epoch() -> None:
    early, ahead = RETENTION, RetentionWindow.at(NOW + timedelta(hours=2), CALENDARS)
    history = History()
    server = Server(history)
    sale(history)
    history.aggregate()
    server.hear(history.passes[-1])
    change_log = ChangeLog(server.live)
    assert server.live.move_to(ahead)
    assert server.orders == 0
    change_log.commit_version()
    at = change_log.position
    assert not server.live.move_to(early)
    server.live.load(history.snapshot(), early)
    assert server.orders == 1
    assert change_log.commit_version()
    assert not change_log.can_resume(at)
    assert change_log.can_resume(Position(change_log.epoch, change_log.version))
    frame = decode_server_frame(change_log.snapshot()[1])
    assert isinstance(frame, Snapshot)
    assert shown(View(change_from(frame.view))) == shown(server.live.view)


def test_an_unconfirmed_copy_does_not_make_the_data_look_current() -> None:
    history = History()
    server = Server(history)
    confirmed = server.live.view.data_time
    history.aggregate()
    server.live.load(history.snapshot(), RETENTION, confirmed=False)
    history.aggregate()
    assert server.live.apply_pass(history.passes[-1])
    assert server.live.view.data_time == confirmed
    server.load()
    assert server.live.view.data_time == history.time


def test_a_newcomer_is_not_given_figures_of_long_ago() -> None:
    now = 0.0
    server = Server(History())
    change_log = ChangeLog(server.live, clock=lambda: now)
    first = change_log.snapshot()
    server.play("shown order")
    change_log.commit_version()
    assert change_log.snapshot() is first, "clients that come together share one encoding"
    now = 0.06
    later = change_log.snapshot()
    assert later[0] == change_log.position
    assert later[0].version == first[0].version + 1
    now = 1.0
    assert change_log.snapshot() is later, "nothing has changed"
