"""The projection: the rollups within the retention window, kept in memory from pass to pass."""

from __future__ import annotations

from coffeert.domain.calendar import Calendars
from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import Cells
from coffeert.domain.view import newest
from coffeert.postgres.passes import PassResult


class Projection:
    """The cube and the recent orders as of one pass; equal to the tables at that pass."""

    __slots__ = ("calendars", "cube", "lineage", "number", "recent", "watermark")

    def __init__(
        self,
        result: PassResult,
        calendars: Calendars,
        retention: RetentionWindow,
        cells: Cells,
        recent: tuple[Order, ...],
    ) -> None:
        """Start from what was read from the tables in the transaction of the pass."""
        self.calendars = calendars
        self.lineage = result.lineage
        self.number = result.number
        self.watermark = result.watermark
        self.cube = RollupCube(retention)
        self.recent = recent
        for key, totals in cells.items():
            self.cube.set(key, totals)

    def precedes(self, result: PassResult, retention: RetentionWindow) -> bool:
        """Return True if a pass's changes can be applied to this projection.

        Not if another aggregator has made a pass in between. Nor if the clock was put back: cells that
        had left the retention window would be missing.
        """
        mine = self.cube.retention
        return (
            (result.lineage, result.number) == (self.lineage, self.number + 1)
            and result.previous == self.watermark
            and retention.as_of >= mine.as_of
        )

    def apply(self, result: PassResult, retention: RetentionWindow) -> None:
        """Apply a pass that this projection precedes."""
        self.number = result.number
        self.watermark = result.watermark
        self.cube.move_to(retention)
        for key, totals in result.cells.items():
            self.cube.set(key, totals)
        self.recent = newest(self.recent + result.recent)
