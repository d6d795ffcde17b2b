"""The projection: what the rollups hold within the horizon, kept in memory from pass to pass."""

from __future__ import annotations

from coffeert.domain.orders import Order
from coffeert.domain.rollups import Cells, RetentionWindow, RollupCube
from coffeert.domain.view import newest
from coffeert.postgres.passes import PassResult


class Projection:
    """The picture and the recent orders as of one pass; equal to the tables at that pass."""

    __slots__ = ("lineage", "number", "picture", "recent")

    def __init__(
        self, result: PassResult, horizon: RetentionWindow, cells: Cells, recent: tuple[Order, ...]
    ) -> None:
        """Take what was read from the tables in the transaction of the pass."""
        self.lineage = result.lineage
        self.number = result.number
        self.picture = RollupCube(horizon)
        self.recent = recent
        for key, tally in cells.items():
            self.picture.set(key, tally)

    def precedes(self, lineage: str, number: int, horizon: RetentionWindow) -> bool:
        """Tell whether a pass's changes lead on from here.

        Not where somebody else has passed in between, nor where the clock was put back: what the
        horizon had left behind would be missing.
        """
        mine = self.picture.horizon
        return (
            (lineage, number) == (self.lineage, self.number + 1)
            and horizon.as_of >= mine.as_of
            and horizon.today_start >= mine.today_start
        )

    def apply(self, result: PassResult, horizon: RetentionWindow) -> None:
        """Follow a pass that this projection precedes."""
        self.number = result.number
        self.picture.move_to(horizon)
        for key, tally in result.cells.items():
            self.picture.set(key, tally)
        self.recent = newest(self.recent + result.recent)
