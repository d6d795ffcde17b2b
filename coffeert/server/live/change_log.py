"""The change log: the version in which each cell changed last, and deltas from a version to the newest."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from coffeert.domain.currency import places
from coffeert.domain.orders import Order
from coffeert.domain.rollups import CellKey, Totals
from coffeert.domain.view import RECENT_ORDERS, Change
from coffeert.server.live.live_view import LiveView
from coffeert.wire import frames
from coffeert.wire.health import Health

MAX_VERSIONS = 512
MAX_CELLS = 200_000
SHARED_SECONDS = 0.05
_SHARED_TIMES = 4  # as long as it took, so that clients who ask on and on take a fifth of the loop


class Position(NamedTuple):
    """A version within an epoch."""

    epoch: str
    version: int


class ChangeLog:
    """Numbers the changes of a live view and encodes deltas and snapshots.

    Versions rise by one within an `epoch`, which lasts as long as the process and the `history` of its
    view. Changes are absolute, so what is kept of them is each cell's last value, with its version. It is
    not each version's cells: those were a hundred thousand objects for the garbage collector to visit.
    """

    def __init__(
        self,
        live_view: LiveView,
        *,
        currency: Callable[[], str | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.position = _new_position()
        """The newest version; the same object until the next, so `is` compares positions."""
        self._live_view = live_view
        self._currency = currency
        self._clock = clock
        self._history = live_view.history
        self._newest: Change | None = None
        self._cells: OrderedDict[CellKey, tuple[int, Totals]] = OrderedDict()  # the latest last
        self._recent: tuple[Order, ...] = ()
        self._arrivals: dict[UUID, int] = {}  # the versions of recent orders
        self._oldest = 0  # what changed after this version is kept
        self._deltas: dict[int, bytes] = {}
        self._snapshot: tuple[Position, bytes] | None = None
        self._snapshot_until = float("-inf")
        self._totals = live_view.view.cube.totals()
        self._top = live_view.view.cube.top_drinks()

    @property
    def epoch(self) -> str:
        """The epoch of the newest version."""
        return self.position.epoch

    @property
    def version(self) -> int:
        """The newest version's number."""
        return self.position.version

    def commit_version(self) -> bool:
        """Make a version of what has changed since the last one; return whether anything had."""
        change = self._live_view.take_change()
        if self._live_view.history != self._history:
            self._begin_epoch()
        if change is None:
            return False
        self.position = Position(self.epoch, self.version + 1)
        self._keep(change)
        self._deltas.clear()
        # Now: when a delta is encoded, the live view may be ahead of this version.
        self._totals = self._live_view.view.cube.totals()
        self._top = self._live_view.view.cube.top_drinks()
        return True

    def can_resume(self, position: Position) -> bool:
        """Whether a delta leads from this position to the newest version."""
        epoch, version = position
        return epoch == self.epoch and self._oldest <= version <= self.version

    def delta(self, version: int) -> bytes:
        """Encode the delta from a version that `can_resume` to the newest one; encoded once."""
        frame = self._deltas.get(version)
        if frame is None:
            frame = self._deltas[version] = frames.encode(
                frames.Delta(
                    epoch=self.epoch,
                    from_=version,
                    to=self.version,
                    view=self._columns(self._change_since(version)),
                )
            )
        return frame

    def snapshot(self) -> tuple[Position, bytes]:
        """Encode a whole view and return its position, from which a delta leads to the newest version.

        Clients that come together share one encoding, and a delta brings each up to date. They share it for
        a moment only: until the delta is there, a newcomer sees the figures of the snapshot.
        """
        now, shared = self._clock(), self._snapshot
        expired = shared is None or (shared[0] != self.position and now >= self._snapshot_until)
        if shared is None or expired or not self.can_resume(shared[0]):
            frame = frames.encode(self.snapshot_frame(None))
            shared = self._snapshot = self.position, frame
            done = self._clock()
            self._snapshot_until = done + max(SHARED_SECONDS, _SHARED_TIMES * (done - now))
        return shared

    def snapshot_frame(self, health: Health | None) -> frames.Snapshot:
        """Make the frame of the whole view as it is now, after `commit_version`."""
        self.commit_version()
        return frames.Snapshot(
            epoch=self.epoch,
            version=self.version,
            view=self._columns(self._live_view.view.as_change()),
            health=health,
            currency=self._currency(),
        )

    def _keep(self, change: Change) -> None:
        version = self.version
        self._newest = change
        for key, totals in change.cells.items():
            self._cells[key] = version, totals
            self._cells.move_to_end(key)
        self._oldest = max(self._oldest, version - MAX_VERSIONS)
        while self._cells:
            key, (changed, _) = next(iter(self._cells.items()))
            if changed > self._oldest and len(self._cells) <= MAX_CELLS:
                break
            self._oldest = max(self._oldest, changed)
            del self._cells[key]
        self._recent = self._live_view.view.recent
        self._arrivals.update(dict.fromkeys((order.order_id for order in change.recent), version))
        if len(self._arrivals) > 4 * RECENT_ORDERS:
            kept = [order.order_id for order in self._recent]
            self._arrivals = {key: self._arrivals[key] for key in kept if key in self._arrivals}

    def _change_since(self, version: int) -> Change:
        """Return what changed after a version that `can_resume`."""
        newest = self._newest
        assert newest is not None
        if version == self.version - 1:
            return newest
        cells = {}
        for key, (changed, totals) in reversed(self._cells.items()):
            if changed <= version:
                break
            if newest.retention.contains(key):
                cells[key] = totals
        recent = tuple(
            order for order in self._recent if self._arrivals.get(order.order_id, 0) > version
        )
        return Change(newest.retention, newest.data_time, cells, recent)

    def _columns(self, change: Change) -> frames.Columns:
        return frames.columns(change, self._totals, self._top, places(self._currency()))

    def _begin_epoch(self) -> None:
        self._history = self._live_view.history
        self.position = _new_position()
        self._newest = None
        self._cells.clear()
        self._arrivals.clear()
        self._oldest = 0
        self._deltas.clear()
        self._snapshot = None


def _new_position() -> Position:
    return Position(uuid.uuid4().hex[:12], 0)
