"""The live view: the last pass, plus every committed batch that the pass has not seen.

`shown = base(W) + sum of pending batches whose transaction is not in W`, where W is the watermark of the
pass. One predicate decides both sides, so each batch counts exactly once however late or often its message
comes; a lost message costs freshness until the next pass, never correctness.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from coffeert.domain.calendar import Calendars
from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import (
    ZERO,
    CellKey,
    Cells,
    RetentionWindow,
    Totals,
    add,
    at_all_grains,
    containing,
)
from coffeert.domain.view import Change, RollupSnapshot, View
from coffeert.domain.watermark import Watermark, Xid

MAX_PENDING_BYTES = 150_000_000
"""With more pending batches than that, because no pass has come for long, further ones are ignored.

The health of the aggregator then reports that.
"""


class LiveView:
    """What a server's dashboards show, and what has changed since `take_change` was last called.

    Not exact before the first `load`. No I/O.
    """

    def __init__(self, calendars: Calendars, now: datetime) -> None:
        self.calendars = calendars
        self.view = View(Change(RetentionWindow.at(now, calendars), now, {}))
        self.lineage = ""
        self.number = -1
        self.watermark = Watermark(0, 0)
        self.overflowed = False
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

    def has_counted(self, xid: Xid) -> bool:
        """Whether a batch is counted already, by a pass or as a pending one."""
        return self.watermark.sees(xid) or xid in self._pending_xids

    def load(self, snapshot: RollupSnapshot) -> None:
        """Replace the base by a snapshot, unless it is older than the present base."""
        if snapshot.lineage == self.lineage and snapshot.number < self.number:
            return
        if snapshot.lineage != self.lineage:
            self._pending_batches.clear()  # `_settle` does the rest
        before = set(self._base)
        if snapshot.calendars is not None and snapshot.calendars != self.calendars:
            self.calendars = snapshot.calendars
            self._move(self.view.cube.retention.moment())
        self._base = {
            key: totals
            for key, totals in snapshot.cells.items()
            if self.view.cube.retention.contains(key)
        }
        self.lineage = snapshot.lineage
        settled = self._settle(snapshot.number, snapshot.watermark, snapshot.data_time)
        self._update(before | self._base.keys() | settled, snapshot.recent)

    def apply_pass(
        self,
        number: int,
        watermark: Watermark,
        data_time: datetime,
        cells: Cells,
        recent: Sequence[Order],
    ) -> bool:
        """Apply one pass on top of the one before; False if it is not the next: `load` instead.

        The present pass, repeated, is applied again: the leader repeats it to refresh Redis.
        """
        if not self.loaded or number not in (self.number, self.number + 1):
            return number < self.number
        self._base.update(cells)
        settled = self._settle(number, watermark, data_time)
        self._update(cells.keys() | settled, recent)
        return True

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

    def move_to(self, moment: datetime) -> None:
        """Move the windows on, and drop what lies before them.

        Does nothing if time goes back: clients have dropped what would have to come back.
        """
        if int(moment.timestamp()) >= self.view.cube.retention.as_of:
            self._move(moment)

    def _move(self, moment: datetime) -> None:
        retention = RetentionWindow.at(moment, self.calendars)
        if not self.view.cube.move_to(retention):
            return
        self._moved = True
        for key in [k for k in self._base if not retention.contains(k)]:
            del self._base[key]

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

    def _unknown(self, batches: PendingBatches) -> PendingBatches | None:
        unknown = {xid for xid in batches.xids if not self.has_counted(xid)}
        if not unknown:
            return None
        return batches if len(unknown) == len(batches.xids) else batches.only(unknown)

    def _settle(self, number: int, watermark: Watermark, data_time: datetime) -> set[CellKey]:
        """Advance the watermark and drop the batches that it sees; return their cells.

        What is left is summed up again: it is little, and what was dropped may be a thousand batches.
        """
        self.number, self.watermark = number, watermark
        self.view.data_time = data_time
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


def _sum(many: Iterable[PendingBatches]) -> Cells:
    total: Cells = {}
    for batches in many:
        for key, totals in batches.minutes.items():
            add(total, key, totals)
    return total
