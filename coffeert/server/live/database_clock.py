"""The database's clock, which cuts the windows of every server alike, whatever their own clocks say."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """Tells the database's time between two measurements by the time that has passed since.

    Until the first measurement it is this machine's clock. `wall` is that clock, `monotonic` counts
    seconds whatever becomes of it.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.monotonic = monotonic
        self._wall = wall
        self._then: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the database's time now."""
        if self._then is None:
            return self._wall()
        moment, at = self._then
        return moment + timedelta(seconds=self.monotonic() - at)

    @property
    def offset(self) -> float:
        """The seconds by which this machine's clock is ahead of the database's."""
        return (self._wall() - self.now()).total_seconds()

    def measured(self, moment: datetime, asked: float, answered: float) -> None:
        """Take what the database said between two moments of `monotonic`.

        A slow answer says little: it is used only if what it says cannot be explained by its slowness.
        """
        middle = (asked + answered) / 2
        told = moment + timedelta(seconds=self.monotonic() - middle)
        difference = abs((told - self.now()).total_seconds())
        if self._then is None or difference > (answered - asked) / 2:
            self._then = moment, middle
