"""A publisher that remembers what it was given, and fails when told to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coffeert.domain.orders import Order
    from coffeert.domain.rollup_cube import RollupCube
    from coffeert.domain.rollups import Cells
    from coffeert.errors import CoffeertError
    from coffeert.wire.bus import PassMessage


class Recorder:
    """Remembers messages, and the cube and recent orders of the last one."""

    def __init__(self) -> None:
        self.messages: list[PassMessage] = []
        self.cells: Cells = {}
        self.recent: tuple[Order, ...] = ()
        self.failure: CoffeertError | None = None
        self.hangs = False

    def has_counted(self, orders: int) -> bool:
        """Return whether the passes so far have counted just so many orders."""
        return sum(message.stats.rows for message in self.messages) == orders

    async def publish(
        self, message: PassMessage, cube: RollupCube, recent: tuple[Order, ...]
    ) -> None:
        """Take a pass."""
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        self.messages.append(message)
        self.cells = dict(cube.cells())
        self.recent = recent

    async def feed_ticks_wanted(self) -> bool:
        """Say that no server on a standby has readers."""
        return False
