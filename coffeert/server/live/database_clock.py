"""The database's clock, which cuts the windows of every server alike, whatever their own clocks say."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_RESOLUTION = 0.0005


class DatabaseClock:
    """Tells the database's time between two measurements by the time that has passed since.

    Until the first measurement it is this machine's clock. `wall` is that clock, `monotonic` counts
    seconds whatever becomes of it. Orders of the same half millisecond share one moment, which makes
    storing them cheaper.
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
        self._moment, self._until = datetime.min.replace(tzinfo=UTC), -math.inf

    def now(self) -> datetime:
        """Return the database's time now."""
        if self._then is None:
            return self._wall()
        now = self.monotonic()
        if now >= self._until:
            moment, at = self._then
            self._moment, self._until = moment + timedelta(seconds=now - at), now + _RESOLUTION
        return self._moment

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
            self._then, self._until = (moment, middle), -math.inf
