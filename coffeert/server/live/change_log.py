"""The journal: the last versions of the view, so that a reader can be brought forward from any of them."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from functools import reduce
from typing import NamedTuple

from coffeert.domain.view import Change
from coffeert.server.live.live_view import LiveView
from coffeert.wire import frames
from coffeert.wire.health import Health

VERSIONS_KEPT = 512
CELLS_KEPT = 200_000


class Position(NamedTuple):
    """A place in a journal: a version within an epoch."""

    epoch: str
    version: int


class ChangeLog:
    """Numbers the changes of a live view and encodes what leads from one version to the newest.

    Versions rise by one within an `epoch`, which lasts as long as the process and its lineage of
    orders. Memory is bounded by both the number of versions and the cells in them.
    """

    def __init__(self, live: LiveView) -> None:
        self.position = _beginning()
        """The newest version, one object for as long as it is."""
        self._live = live
        self._lineage = live.lineage
        self._changes: OrderedDict[int, Change] = OrderedDict()
        self._cells = 0
        self._deltas: dict[int, bytes] = {}
        self._snapshot: tuple[Position, bytes] | None = None
        self._totals = live.view.cube.totals()
        self._top = live.view.cube.top_drinks()

    @property
    def epoch(self) -> str:
        """The epoch of the newest version."""
        return self.position.epoch

    @property
    def version(self) -> int:
        """The newest version's number."""
        return self.position.version

    def advance(self) -> bool:
        """Make a version of what has changed since the last one; tell whether anything had."""
        change = self._live.take_change()
        if self._live.lineage != self._lineage:
            self._begin_epoch()
        if change is None:
            return False
        self.position = Position(self.epoch, self.version + 1)
        self._changes[self.version] = change
        self._cells += len(change.cells)
        self._deltas.clear()
        # Taken now: by the time that a delta is encoded the live view may be ahead of the version.
        self._totals = self._live.view.cube.totals()
        self._top = self._live.view.cube.top_drinks()
        while len(self._changes) > 1 and (
            len(self._changes) > VERSIONS_KEPT or self._cells > CELLS_KEPT
        ):
            _, oldest = self._changes.popitem(last=False)
            self._cells -= len(oldest.cells)
        return True

    def reaches(self, position: Position) -> bool:
        """Tell whether a reader who is there can be brought forward by a delta."""
        epoch, version = position
        return epoch == self.epoch and self.version - len(self._changes) <= version <= self.version

    def delta(self, version: int) -> bytes:
        """Encode what leads from a version that the journal reaches to the newest; made once."""
        frame = self._deltas.get(version)
        if frame is None:
            changes = [self._changes[v] for v in range(version + 1, self.version + 1)]
            merged = reduce(Change.then, changes)
            frame = self._deltas[version] = frames.encode(
                frames.Delta(
                    epoch=self.epoch,
                    from_=version,
                    to=self.version,
                    view=frames.columns(merged, self._totals, self._top),
                )
            )
        return frame

    def snapshot(self) -> tuple[Position, bytes]:
        """Encode a whole view, of a version that the journal still reaches; made again when it is not.

        Under load many readers share one encoding, and a delta brings each up to date.
        """
        if self._snapshot is None or not self.reaches(self._snapshot[0]):
            frame = frames.encode(self.snapshot_frame(None))
            self._snapshot = self.position, frame
        return self._snapshot

    def snapshot_frame(self, health: Health | None) -> frames.Snapshot:
        """Make the frame of the whole view as it is now, which may be a new version."""
        self.advance()
        return frames.Snapshot(
            epoch=self.epoch,
            version=self.version,
            view=frames.columns(self._live.view.as_change(), self._totals, self._top),
            health=health,
        )

    def _begin_epoch(self) -> None:
        self._lineage = self._live.lineage
        self.position = _beginning()
        self._changes.clear()
        self._cells = 0
        self._deltas.clear()
        self._snapshot = None


def _beginning() -> Position:
    return Position(uuid.uuid4().hex[:12], 0)
