"""Invariant: however messages are lost, repeated or late, each committed batch counts exactly once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from coffeert.domain.coverage import Coverage
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import ZERO, CellKey, Cells, Totals, add, at_all_grains
from coffeert.domain.view import PassChange, RollupSnapshot, View
from coffeert.domain.watermark import Watermark, Xid
from coffeert.server.live.change_log import ChangeLog, Position
from coffeert.server.live.live_view import LiveView
from coffeert.wire.frames import Columns, Delta, Snapshot, change_from, decode_server_frame
from tests.calendars import calendars

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
CALENDARS = calendars("Europe/Berlin", 240, central="Asia/Kathmandu")
RETENTION = RetentionWindow.at(NOW, CALENDARS)
COVERAGE = Coverage.of(RETENTION)


class History:
    """A database as the live view knows it: transactions, and passes over them."""

    def __init__(self) -> None:
        self.next_xid = 10
        self.running: dict[Xid, Cells] = {}
        self.committed: dict[Xid, Cells] = {}
        self.number = 0
        self.watermark = Watermark(10, 10)
        self.rollup: Cells = {}
        self.nonce = "first term"
        self.time = NOW
        self.passes: list[PassChange] = []

    def begin(self, minutes: Cells) -> None:
        self.running[Xid(self.next_xid)] = minutes
        self.next_xid += 1

    def commit(self, index: int) -> None:
        if self.running:
            xid = sorted(self.running)[index % len(self.running)]
            self.committed[xid] = self.running.pop(xid)

    def aggregate(self) -> None:
        running = frozenset(self.running)
        seen = Watermark(min(running, default=self.next_xid), self.next_xid, running)
        changed: Cells = {}
        for xid, minutes in self.committed.items():
            if seen.sees(xid) and not self.watermark.sees(xid):
                for key, tally in at_all_grains(minutes, CALENDARS).items():
                    add(self.rollup, key, tally)
                    changed[key] = self.rollup[key]
        self.next_xid += 1  # the pass's own
        previous, self.watermark = self.watermark, seen
        self.number += 1
        self.time += timedelta(seconds=1)
        self.passes.append(
            PassChange(
                lineage="one",
                nonce=self.nonce,
                number=self.number,
                previous=previous,
                watermark=seen,
                data_time=self.time,
                coverage=COVERAGE,
                cells={key: self.rollup[key] for key in changed},
                recent=(),
            )
        )

    def snapshot(self) -> RollupSnapshot:
        return RollupSnapshot(
            lineage="one",
            nonce=self.nonce,
            number=self.number,
            token=1,
            watermark=self.watermark,
            data_time=self.time,
            coverage=COVERAGE,
            cells=dict(self.rollup),
            recent=(),
            next_xid=self.next_xid,
        )

    def sum(self, xids: set[Xid]) -> Cells:
        total: Cells = {}
        for xid in xids:
            for key, tally in at_all_grains(self.committed[xid], CALENDARS).items():
                add(total, key, tally)
        return {key: tally for key, tally in total.items() if tally != Totals(0, 0, 0)}


minutes = st.dictionaries(
    st.builds(
        lambda back, store, drink: CellKey("minute", RETENTION.as_of - 60 * back, store, drink),
        st.integers(0, 59),
        st.sampled_from(["uptown", "central"]),
        st.sampled_from(["latte", "tea"]),
    ),
    st.builds(
        lambda n, cents: Totals(n, n, n * cents), st.sampled_from([-1, 1, 2]), st.integers(0, 900)
    ),
    min_size=1,
    max_size=3,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), minutes),
        st.tuples(st.just("commit"), st.integers(0, 5)),
        st.tuples(st.just("aggregate"), st.none()),
        st.tuples(st.just("receive batches"), st.lists(st.integers(0, 30), min_size=1, max_size=5)),
        st.tuples(st.just("receive a pass"), st.integers(0, 2)),
        st.tuples(st.just("load"), st.none()),
    ),
    max_size=40,
)


def shown(view: View) -> Cells:
    return dict(view.cube.cells())


def play(history: History, live: LiveView, received: set[Xid], step: str, argument: object) -> None:
    match step, argument:
        case "begin", dict():
            history.begin(argument)
        case "commit", int():
            history.commit(argument)
        case "aggregate", _:
            history.aggregate()
        case "load", _:
            live.load(history.snapshot(), RETENTION)
        case "receive batches", list() if history.committed:
            xids = sorted(history.committed)
            chosen = {xids[index % len(xids)] for index in argument}
            together = PendingBatches.of({xid: history.committed[xid] for xid in chosen})
            live.apply_pending([together], ())
            received |= chosen
        case "receive a pass", int() if history.passes:
            if not live.apply_pass(history.passes[-1 - argument % len(history.passes)]):
                live.load(history.snapshot(), RETENTION)


ONE: Cells = {CellKey("minute", RETENTION.as_of, "uptown", "latte"): Totals(1, 1, 480)}
TWO: Cells = {CellKey("minute", RETENTION.as_of, "uptown", "latte"): Totals(1, 2, 960)}
PARTLY_COUNTED: list[tuple[str, object]] = [  # in one message, the first counted by a pass
    ("begin", ONE),
    ("begin", TWO),
    ("commit", 0),
    ("aggregate", None),
    ("commit", 0),
    ("receive batches", [0, 1]),
]


@given(steps)
@example(  # received of after the pass that counted it
    [("begin", ONE), ("commit", 0), ("aggregate", None), ("load", None), ("receive batches", [0])]
)
@example([("begin", ONE), ("commit", 0), ("receive batches", [0]), ("receive batches", [0])])
@example(  # still running when the pass was made, so not counted by it
    [
        ("begin", ONE),
        ("aggregate", None),
        ("commit", 0),
        ("receive batches", [0]),
        ("receive a pass", 0),
    ]
)
@example([*PARTLY_COUNTED, ("receive a pass", 0), ("receive batches", [0, 1])])
@example([*PARTLY_COUNTED[:-1], ("receive a pass", 0), ("receive batches", [0, 1])])
def test_each_batch_counts_once_whatever_happens_to_its_message(
    steps: list[tuple[str, object]],
) -> None:
    history = History()
    live = LiveView(CALENDARS, NOW)
    live.load(history.snapshot(), RETENTION)
    change_log = ChangeLog(live)
    change_log.commit_version()
    reader = View(change_from(_snapshot(change_log)))
    at = change_log.version
    received: set[Xid] = set()

    for step, argument in steps:
        play(history, live, received, step, argument)
        counted = {x for x in history.committed if live.watermark.sees(x) or x in received}
        assert shown(live.view) == history.sum(counted)

        # A reader that follows the frames has the same state and the same sums.
        if change_log.commit_version():
            delta = decode_server_frame(change_log.delta(at))
            assert isinstance(delta, Delta)
            assert delta.from_ == at
            reader.apply(change_from(delta.view))
            at = delta.to
            assert shown(reader) == shown(live.view)
            assert reader.cube.totals() == delta.view.totals
            assert reader.cube.top_drinks() == [
                (top.drink, Totals(top.orders, top.quantity, top.cents)) for top in delta.view.top
            ]

    while history.running:
        history.commit(0)
    history.aggregate()
    live.load(history.snapshot(), RETENTION)
    assert shown(live.view) == history.sum(set(history.committed))
    assert live.pending_batches == 0


@given(st.lists(minutes, min_size=1, max_size=12), st.data())
def test_a_reader_may_skip_versions_and_arrives_at_the_same_state(
    batches: list[Cells], data: st.DataObject
) -> None:
    live = LiveView(CALENDARS, NOW)
    live.load(History().snapshot(), RETENTION)
    change_log = ChangeLog(live)
    change_log.commit_version()
    reader, at = View(change_from(_snapshot(change_log))), change_log.version
    for number, batch in enumerate(batches):
        live.apply_pending([PendingBatches.of({Xid(100 + number): batch})], ())
        change_log.commit_version()
        if data.draw(st.booleans()):
            delta = decode_server_frame(change_log.delta(at))
            assert isinstance(delta, Delta)
            reader.apply(change_from(delta.view))
            reader.apply(change_from(delta.view))  # a repeated frame is harmless
            at = delta.to
    if at < change_log.version:
        delta = decode_server_frame(change_log.delta(at))
        assert isinstance(delta, Delta)
        reader.apply(change_from(delta.view))
    assert shown(reader) == shown(live.view)


def test_another_lineage_begins_another_epoch() -> None:
    live = LiveView(CALENDARS, NOW)
    live.load(History().snapshot(), RETENTION)
    change_log = ChangeLog(live)
    epoch = change_log.epoch
    other = History()
    other.begin({CellKey("minute", RETENTION.as_of, "uptown", "latte"): Totals(1, 1, 450)})
    other.commit(0)
    other.aggregate()
    snapshot = other.snapshot()
    live.load(
        RollupSnapshot(
            lineage="two",
            nonce="second term",
            number=0,
            token=2,
            watermark=snapshot.watermark,
            data_time=NOW,
            coverage=COVERAGE,
            cells=snapshot.cells,
            recent=(),
        ),
        RETENTION,
    )
    assert change_log.commit_version()
    assert change_log.epoch != epoch
    assert not change_log.can_resume(Position(epoch, 0))
    assert shown(View(change_from(_snapshot(change_log)))) == dict(snapshot.cells)


def test_a_business_day_ends_at_one_store_and_not_at_another() -> None:
    """Nepal's day ends at 18:15 UTC, Berlin's at 03:00."""
    before = NOW.replace(hour=18, minute=14)
    live = LiveView(CALENDARS, before)
    live.load(History().snapshot(), RetentionWindow.at(before, CALENDARS))
    minute = CellKey("minute", int(before.timestamp()), "uptown", "tea")
    sold: Cells = {minute: Totals(1, 1, 300), minute._replace(store="central"): Totals(4, 4, 1600)}
    live.apply_pending([PendingBatches.of({Xid(100): sold})], ())
    change_log = ChangeLog(live)
    change_log.commit_version()
    reader, at = View(change_from(_snapshot(change_log))), change_log.version
    for moment, today in (
        (before, Totals(5, 5, 1900)),
        (before + timedelta(minutes=1), Totals(1, 1, 300)),
        (before.replace(hour=23, minute=59), Totals(1, 1, 300)),
        (NOW.replace(day=2, hour=2, minute=59), Totals(1, 1, 300)),
        (NOW.replace(day=2, hour=3, minute=0), ZERO),
    ):
        assert live.move_to(RetentionWindow.at(moment, CALENDARS))
        assert live.view.cube.totals().today == today
        assert live.view.cube.totals().day == Totals(5, 5, 1900)
        if change_log.commit_version():
            delta = decode_server_frame(change_log.delta(at))
            assert isinstance(delta, Delta)
            reader.apply(change_from(delta.view))
            at = delta.to
        assert reader.cube.retention == RetentionWindow.at(moment, CALENDARS)
        assert reader.cube.totals().today == today
    assert not live.move_to(RetentionWindow.at(before, CALENDARS))
    assert live.view.cube.totals().today == ZERO


def test_calendars_that_have_changed_move_the_days_of_what_is_pending_too() -> None:
    """A change begins a lineage; the order that no pass has counted comes with the next snapshot."""
    live = LiveView(CALENDARS, NOW)
    live.load(History().snapshot(), RETENTION)
    minute = CellKey("minute", int(NOW.timestamp()), "central", "tea")
    sold: Cells = {minute: Totals(1, 1, 300)}
    live.apply_pending([PendingBatches.of({Xid(100): sold})], ())
    change_log = ChangeLog(live)
    change_log.commit_version()
    changed = calendars("Europe/Berlin", 240, central="Asia/Kolkata")
    counted = at_all_grains(sold, changed)
    live.load(
        msgspec.structs.replace(
            History().snapshot(),
            lineage="two",
            watermark=Watermark(200, 200),
            cells=counted,
            calendars=changed,
        ),
        RetentionWindow.at(NOW, changed),
    )
    assert live.calendars == changed
    assert shown(live.view) == counted
    assert change_log.commit_version()
    reader = View(change_from(_snapshot(change_log)))
    assert shown(reader) == counted
    assert reader.cube.retention == RetentionWindow.at(NOW, changed)


def test_what_was_pending_in_another_lineage_is_not_shown_any_more() -> None:
    live = LiveView(CALENDARS, NOW)
    live.load(History().snapshot(), RETENTION)
    minute = CellKey("minute", int(NOW.timestamp()), "central", "tea")
    live.apply_pending([PendingBatches.of({Xid(100): {minute: Totals(1, 1, 300)}})], ())
    other = msgspec.structs.replace(History().snapshot(), lineage="two")
    live.load(other, RETENTION)
    assert shown(live.view) == {}
    assert live.pending_batches == 0


def _snapshot(change_log: ChangeLog) -> Columns:
    frame = decode_server_frame(change_log.snapshot()[1])
    assert isinstance(frame, Snapshot)
    return frame.view
