"""The change log: the last versions of the live view, and deltas from any of them to the newest."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

from coffeert.domain.currency import places
from coffeert.domain.view import Change
from coffeert.server.live.live_view import LiveView
from coffeert.wire import frames
from coffeert.wire.health import Health

MAX_VERSIONS = 512
MAX_CELLS = 200_000
SHARED_SECONDS = 0.05


class Position(NamedTuple):
    """A version within an epoch."""

    epoch: str
    version: int


class ChangeLog:
    """Numbers the changes of a live view and encodes deltas and snapshots.

    Versions rise by one within an `epoch`, which lasts as long as the process and the `history` of its
    view. Memory is bounded by the number of versions and of the cells in them.
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
        self._changes: OrderedDict[int, Change] = OrderedDict()
        self._cells = 0
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
        self._changes[self.version] = change
        self._cells += len(change.cells)
        self._deltas.clear()
        # Now: when a delta is encoded, the live view may be ahead of this version.
        self._totals = self._live_view.view.cube.totals()
        self._top = self._live_view.view.cube.top_drinks()
        while len(self._changes) > 1 and (
            len(self._changes) > MAX_VERSIONS or self._cells > MAX_CELLS
        ):
            _, oldest = self._changes.popitem(last=False)
            self._cells -= len(oldest.cells)
        return True

    def can_resume(self, position: Position) -> bool:
        """Whether a delta leads from this position to the newest version."""
        epoch, version = position
        return epoch == self.epoch and self.version - len(self._changes) <= version <= self.version

    def delta(self, version: int) -> bytes:
        """Encode the delta from a version that `can_resume` to the newest one; encoded once."""
        frame = self._deltas.get(version)
        if frame is None:
            changes = [self._changes[v] for v in range(version + 1, self.version + 1)]
            merged = reduce(Change.then, changes)
            frame = self._deltas[version] = frames.encode(
                frames.Delta(
                    epoch=self.epoch,
                    from_=version,
                    to=self.version,
                    view=self._columns(merged),
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
            self._snapshot_until = now + SHARED_SECONDS
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

    def _columns(self, change: Change) -> frames.Columns:
        return frames.columns(change, self._totals, self._top, places(self._currency()))

    def _begin_epoch(self) -> None:
        self._history = self._live_view.history
        self.position = _new_position()
        self._changes.clear()
        self._cells = 0
        self._deltas.clear()
        self._snapshot = None


def _new_position() -> Position:
    return Position(uuid.uuid4().hex[:12], 0)
