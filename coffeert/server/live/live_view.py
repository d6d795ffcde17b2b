"""The live view: the last pass, plus every committed batch that the pass has not seen.

`shown = base(W) + sum of pending batches whose transaction is not in W`, where W is the watermark of the
pass. One predicate decides both sides, so each batch counts exactly once however late or often its message
comes; a lost message costs freshness until the next pass, never correctness.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime

from coffeert.domain.calendar import Calendars
from coffeert.domain.coverage import Coverage
from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import ZERO, CellKey, Cells, Totals, add, at_all_grains, containing
from coffeert.domain.view import Change, PassChange, RollupSnapshot, View
from coffeert.domain.watermark import Watermark, Xid

MAX_PENDING_BYTES = 150_000_000
"""With more pending batches than that, because no pass has come for long, further ones are ignored.

The health of the aggregator then reports that.
"""

_NONCES_KEPT = 16


class LiveView:
    """What a server's dashboards show, and what has changed since `take_change` was last called.

    Not exact before the first `load`. `history` rises when what is shown does not go on from what was: with
    another lineage, a database that has gone back, and time that has. While it is not `confirmed`, the
    base is a copy that nobody has compared with PostgreSQL, and `data_time` stands still. No I/O.
    """

    def __init__(self, calendars: Calendars, now: datetime) -> None:
        self.calendars = calendars
        self.view = View(Change(RetentionWindow.at(now, calendars), now, {}))
        self.lineage = ""
        self.history = 0
        self.confirmed = True
        self.number = -1
        self.watermark = Watermark(0, 0)
        self.overflowed = False
        self._nonces: deque[str] = deque(maxlen=_NONCES_KEPT)  # of the base, and of those before it
        self._pass_time = now
        self._expected_xid = Xid(0)
        self._base: Cells = {}
        self._pending_batches: list[PendingBatches] = []
        self._pending_xids: set[Xid] = set()
        self._pending_bytes = 0
        self._pending_cells: Cells = {}
        self._dirty: set[CellKey] = set()
        self._dirty_recent: list[Order] = []
        self._moved = False

    @property
    def loaded(self) -> bool:
        """Whether any pass has been loaded."""
        return self.number >= 0

    @property
    def pending_batches(self) -> int:
        """How many batches no pass has counted yet."""
        return len(self._pending_xids)

    @property
    def pending_xids(self) -> frozenset[Xid]:
        """The batches that no pass has counted yet."""
        return frozenset(self._pending_xids)

    def has_counted(self, xid: Xid) -> bool:
        """Whether a batch is counted already, by a pass or as a pending one."""
        return self.watermark.sees(xid) or xid in self._pending_xids

    def load(
        self, snapshot: RollupSnapshot, retention: RetentionWindow, *, confirmed: bool = True
    ) -> None:
        """Replace the base by a snapshot, and the windows by those that it was read for.

        `confirmed`: it comes from PostgreSQL, and not from a copy. If it does not continue what is shown,
        a history begins, without the pending batches.
        """
        self.confirmed = confirmed
        before = self._base.keys() | self._pending_cells.keys()
        if not self.continues(snapshot):
            self._begin_history(snapshot)
        elif _goes_back(self.view.cube.retention, retention):
            self._note_break(snapshot)
        if snapshot.calendars is not None:
            self.calendars = snapshot.calendars
        if self.view.cube.move_to(retention):
            self._moved = True
        self._base = {
            key: totals for key, totals in snapshot.cells.items() if retention.contains(key)
        }
        self._note_nonce(snapshot.nonce)
        settled = self._settle(snapshot.number, snapshot.watermark, snapshot.data_time)
        self._update(before | self._base.keys() | settled, snapshot.recent)
        if snapshot.uncounted is not None:
            self.apply_pending([snapshot.uncounted], ())

    def is_of(self, lineage: str, nonce: str) -> bool:
        """Whether the base was made by this term of a leader."""
        return lineage == self.lineage and list(self._nonces)[-1:] == [nonce]

    def expect(self) -> None:
        """Note, before a snapshot is read, what its database must know if it continues what is shown."""
        self._expected_xid = max(self._pending_xids, default=Xid(0))

    def continues(self, snapshot: RollupSnapshot) -> bool:
        """Whether a snapshot has all that is shown: the same lineage, the passes, and the transactions.

        If not, its database has gone back to an earlier state: a copy of its files was put back.
        """
        return (
            snapshot.lineage == self.lineage
            and snapshot.number >= self.number
            and snapshot.watermark.xmax >= self.watermark.xmax
            and (snapshot.number > self.number or snapshot.watermark == self.watermark)
            and (snapshot.next_xid is None or snapshot.next_xid > self._expected_xid)
        )

    def covered_by(self, coverage: Coverage) -> bool:
        """Whether cells that are complete for a time are complete for the windows."""
        return coverage.includes(Coverage.of(self.view.cube.retention))

    def apply_pass(self, change: PassChange) -> bool:
        """Apply the pass that follows the one shown; False if this is another: `load` instead.

        A pass that was still on its way when a later one was loaded is passed over.
        """
        if self._is_old(change):
            return True
        if not self.is_of(change.lineage, change.nonce):
            return False
        if change.previous != self.watermark:
            return False
        if change.coverage is not None and not self.covered_by(change.coverage):
            return False
        retention = self.view.cube.retention
        cells = {k: v for k, v in change.cells.items() if retention.contains(k)}
        self._base.update(cells)
        settled = self._settle(change.number, change.watermark, change.data_time)
        self._update(cells.keys() | settled, change.recent)
        return True

    def _is_old(self, change: PassChange) -> bool:
        # By its time too: after an earlier copy was put back, passes begin again with lower numbers.
        return (
            (change.lineage, change.nonce in self._nonces) == (self.lineage, True)
            and change.number <= self.number
            and change.data_time <= self._pass_time
        )

    def apply_pending(self, many: Iterable[PendingBatches], recent: Sequence[Order]) -> None:
        """Add committed batches, but those that are counted already.

        Many at once cost little more than one: they are summed before cells are updated.
        """
        taken = []
        for batches in many:
            unknown = self._unknown(batches)
            if unknown is None:
                continue
            if self._pending_bytes + unknown.bytes_held > MAX_PENDING_BYTES:
                self.overflowed = True
                break
            self._pending_bytes += unknown.bytes_held
            self._pending_xids.update(unknown.xids)
            taken.append(unknown)
        self._pending_batches += taken
        cells = at_all_grains(_sum(taken), self.calendars)
        for key, totals in cells.items():
            add(self._pending_cells, key, totals)
        self._update(cells, recent)

    def move_to(self, retention: RetentionWindow) -> bool:
        """Move the windows on, and drop what lies before them.

        False if time goes back: what was dropped has to come back, so `load` with these windows instead.
        """
        if _goes_back(self.view.cube.retention, retention):
            return False
        if self.view.cube.move_to(retention):
            self._moved = True
            for key in [k for k in self._base if not retention.contains(k)]:
                del self._base[key]
        return True

    def take_change(self) -> Change | None:
        """Return the cells that changed since the last call, in absolute values; None if nothing did."""
        if not (self._dirty or self._dirty_recent or self._moved):
            return None
        cube = self.view.cube
        change = Change(
            cube.retention,
            self.view.data_time,
            {key: cube.get(key) for key in self._dirty if cube.retention.contains(key)},
            tuple(self._dirty_recent),
        )
        self._dirty = set()
        self._dirty_recent = []
        self._moved = False
        return change

    def _begin_history(self, snapshot: RollupSnapshot) -> None:
        self._pending_batches.clear()  # `_settle` does the rest
        self._expected_xid = Xid(0)
        self._nonces.clear()
        self.view.recent = ()
        self._dirty_recent.clear()
        self.lineage = snapshot.lineage
        self._note_break(snapshot)

    def _note_break(self, snapshot: RollupSnapshot) -> None:
        self.history += 1
        self.view.data_time = snapshot.data_time

    def _note_nonce(self, nonce: str) -> None:
        if not self._nonces or nonce != self._nonces[-1]:
            self._nonces.append(nonce)

    def _unknown(self, batches: PendingBatches) -> PendingBatches | None:
        unknown = {xid for xid in batches.xids if not self.has_counted(xid)}
        if not unknown:
            return None
        return batches if len(unknown) == len(batches.xids) else batches.only(unknown)

    def _settle(self, number: int, watermark: Watermark, data_time: datetime) -> set[CellKey]:
        """Advance the watermark and drop the batches that it sees; return their cells.

        What is left is summed up again: it is little, and what was dropped may be a thousand batches.
        """
        self.number, self.watermark, self._pass_time = number, watermark, data_time
        if self.confirmed:
            # Within a history it stands still rather than going back, as a clock that is put right does.
            self.view.data_time = max(self.view.data_time, data_time)
        settled: set[CellKey] = set()
        left = []
        for batches in self._pending_batches:
            unseen = {xid for xid in batches.xids if not watermark.sees(xid)}
            if len(unseen) == len(batches.xids):
                left.append(batches)
                continue
            settled |= batches.minutes.keys()
            if unseen:
                left.append(batches.only(unseen))
        settled = {one for key in settled for one in containing(key, self.calendars)}
        self._pending_batches = left
        self._pending_xids = {xid for batches in left for xid in batches.xids}
        self._pending_bytes = sum(batches.bytes_held for batches in left)
        self._pending_cells = at_all_grains(_sum(left), self.calendars)
        if not left:
            self.overflowed = False
        return settled

    def _update(self, keys: Iterable[CellKey], recent: Sequence[Order]) -> None:
        cube = self.view.cube
        for key in keys:
            if cube.set(key, self._value(key)):
                self._dirty.add(key)
        self._dirty_recent += self.view.add_recent(recent)

    def _value(self, key: CellKey) -> Totals:
        base = self._base.get(key, ZERO)
        pending = self._pending_cells.get(key)
        return base if pending is None else base.plus(pending)


def _goes_back(present: RetentionWindow, retention: RetentionWindow) -> bool:
    return retention.as_of < present.as_of


def _sum(many: Iterable[PendingBatches]) -> Cells:
    total: Cells = {}
    for batches in many:
        for key, totals in batches.minutes.items():
            add(total, key, totals)
    return total
