"""The live view: the last pass, plus every committed batch that the pass has not seen.

`shown = base(W) + sum of hot batches whose transaction is not in W`, where W is the watermark of the
pass. One predicate decides both sides, so each batch counts exactly once however late, lost or repeated
its message is: a lost one costs freshness until the next pass, never correctness.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from coffeert.domain.orders import Order
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import (
    GRAINS,
    ZERO,
    CellKey,
    Cells,
    RetentionWindow,
    Totals,
    add,
    at_all_grains,
)
from coffeert.domain.view import Change, RollupSnapshot, View
from coffeert.domain.watermark import Watermark, Xid

MAX_PENDING_BYTES = 150_000_000
"""Past this much of batches in waiting (an aggregator long dead), no more are taken in.

The health of the aggregator says so then.
"""


class LiveView:
    """What a server's dashboards show, and what has changed since it was last asked.

    Not exact before the first `load`. Pure state: nothing here waits or speaks to anyone.
    """

    def __init__(self, retention: RetentionWindow, now: datetime) -> None:
        self.view = View(Change(retention, now, {}))
        self.lineage = ""
        self.number = -1
        self.watermark = Watermark(0, 0)
        self.overflowed = False
        self._base: Cells = {}
        self._hot: list[PendingBatches] = []
        self._pending_xids: set[Xid] = set()
        self._pending_bytes = 0
        self._pending: Cells = {}
        self._dirty: set[CellKey] = set()
        self._dirty_recent: list[Order] = []
        self._moved = False

    @property
    def loaded(self) -> bool:
        """Whether a pass has been loaded at all."""
        return self.number >= 0

    @property
    def pending_batches(self) -> int:
        """How many batches wait to be seen by a pass."""
        return len(self._pending_xids)

    def knows(self, xid: Xid) -> bool:
        """Tell whether a batch is counted already, by a pass or by itself."""
        return self.watermark.sees(xid) or xid in self._pending_xids

    def load(self, snapshot: RollupSnapshot) -> None:
        """Take a whole snapshot as the new base; one older than the base at hand is left alone."""
        if snapshot.lineage == self.lineage and snapshot.number < self.number:
            return
        if snapshot.lineage != self.lineage:
            self._hot.clear()  # `_settle` does the rest
        before = set(self._base)
        self._base = {
            key: tally
            for key, tally in snapshot.cells.items()
            if self.view.cube.retention.contains(key.grain, key.bucket)
        }
        self.lineage = snapshot.lineage
        settled = self._settle(snapshot.number, snapshot.watermark, snapshot.data_time)
        self._show(before | self._base.keys() | settled, snapshot.recent)

    def apply_pass(
        self,
        number: int,
        watermark: Watermark,
        data_time: datetime,
        cells: Cells,
        recent: Sequence[Order],
    ) -> bool:
        """Take one pass on top of the one before; `False` where it is not the next: load instead.

        The pass at hand, repeated, is taken too: the leader refreshes with it.
        """
        if not self.loaded or number not in (self.number, self.number + 1):
            return number < self.number
        self._base.update(cells)
        settled = self._settle(number, watermark, data_time)
        self._show(cells.keys() | settled, recent)
        return True

    def apply_pending(self, many: Iterable[PendingBatches], recent: Sequence[Order]) -> None:
        """Take committed batches, but for those that are known already.

        Many at once cost little more than one: what they share is summed before it is shown.
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
        self._hot += taken
        cells = at_all_grains(_sum(taken))
        for key, tally in cells.items():
            add(self._pending, key, tally)
        self._show(cells, recent)

    def move_to(self, retention: RetentionWindow) -> None:
        """Let time pass: what lies before the new retention window is dropped.

        Time that is put back is not followed: readers have dropped what would have to come back.
        """
        if retention.as_of < self.view.cube.retention.as_of:
            return
        if not self.view.cube.move_to(retention):
            return
        self._moved = True
        for key in [k for k in self._base if not retention.contains(k.grain, k.bucket)]:
            del self._base[key]

    def take_change(self) -> Change | None:
        """Return what has changed since the last call, absolute; `None` where nothing has."""
        if not (self._dirty or self._dirty_recent or self._moved):
            return None
        picture = self.view.cube
        change = Change(
            picture.retention,
            self.view.data_time,
            {
                key: picture.get(key)
                for key in self._dirty
                if picture.retention.contains(key.grain, key.bucket)
            },
            tuple(self._dirty_recent),
        )
        self._dirty = set()
        self._dirty_recent = []
        self._moved = False
        return change

    def _unknown(self, batches: PendingBatches) -> PendingBatches | None:
        unknown = {xid for xid in batches.xids if not self.knows(xid)}
        if not unknown:
            return None
        return batches if len(unknown) == len(batches.xids) else batches.only(unknown)

    def _settle(self, number: int, watermark: Watermark, data_time: datetime) -> set[CellKey]:
        """Advance the watermark and forget the batches that it sees; return their cells.

        What is left is summed up again: it is little, where what was seen may be a thousand batches.
        """
        self.number, self.watermark = number, watermark
        self.view.data_time = data_time
        settled: set[CellKey] = set()
        left = []
        for batches in self._hot:
            unseen = {xid for xid in batches.xids if not watermark.sees(xid)}
            if len(unseen) == len(batches.xids):
                left.append(batches)
                continue
            settled |= batches.minutes.keys()
            if unseen:
                left.append(batches.only(unseen))
        settled |= {key.at(grain) for key in settled for grain in GRAINS}
        self._hot = left
        self._pending_xids = {xid for batches in left for xid in batches.xids}
        self._pending_bytes = sum(batches.bytes_held for batches in left)
        self._pending = at_all_grains(_sum(left))
        if not left:
            self.overflowed = False
        return settled

    def _show(self, keys: Iterable[CellKey], recent: Sequence[Order]) -> None:
        picture = self.view.cube
        for key in keys:
            if picture.set(key, self._value(key)):
                self._dirty.add(key)
        self._dirty_recent += self.view.add_recent(recent)

    def _value(self, key: CellKey) -> Totals:
        base = self._base.get(key, ZERO)
        pending = self._pending.get(key)
        return base if pending is None else base.plus(pending)


def _sum(many: Iterable[PendingBatches]) -> Cells:
    total: Cells = {}
    for batches in many:
        for key, tally in batches.minutes.items():
            add(total, key, tally)
    return total
