"""The ticks of the change feed: one with each pass, and more between the passes while somebody reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from coffeert.aggregator.interval_timer import IntervalTimer
from coffeert.aggregator.lease_renewal import LeaseRenewal
from coffeert.errors import RedisUnavailable
from coffeert.postgres.feed import make_tick, prune_ticks, ticks_wanted
from coffeert.postgres.pool import Connection

TICK_SECONDS: Final = 0.05
"""Between two ticks while somebody reads."""

_LOOK_SECONDS: Final = 0.25
"""After so long at most it is noticed that somebody has begun to read."""
_ANSWER_SECONDS: Final = 0.1
_AWAY_SECONDS: Final = 2.0
"""For so long Redis is not asked again after it gave no answer."""
_PRUNE_SECONDS: Final = 600.0


class FeedTicker:
    """Makes ticks, and deletes those older than `keep`.

    An aggregator that has lost the lead without knowing may make one more: ticks follow each other under a
    lock of their own, so it is as good as any. `wanted_elsewhere` knows of readers at standbys.
    """

    def __init__(self, keep: timedelta, wanted_elsewhere: Callable[[], Awaitable[bool]]) -> None:
        self._keep = keep
        self._wanted_elsewhere = wanted_elsewhere
        self._ask_elsewhere_at = float("-inf")
        self._prune_at = float("-inf")

    async def tick_until_pass(
        self, connection: Connection, timer: IntervalTimer, lease: LeaseRenewal
    ) -> None:
        """Make a tick now, and others until the next pass is due; move the lease on meanwhile.

        Raises `DatabaseUnavailable`, and `Fenced` if the lease is another's.
        """
        made = await make_tick(connection)
        if time.monotonic() >= self._prune_at:
            more = await prune_ticks(connection, self._keep)
            self._prune_at = time.monotonic() + (0 if more else _PRUNE_SECONDS)
        wanted = made.wanted or await self._is_wanted_elsewhere()
        while timer.left > TICK_SECONDS:
            await asyncio.sleep(TICK_SECONDS if wanted else min(_LOOK_SECONDS, timer.left))
            await lease.renew_if_due()
            if wanted:
                wanted = (await make_tick(connection)).wanted
            else:
                wanted = await ticks_wanted(connection)
            wanted = wanted or await self._is_wanted_elsewhere()

    async def _is_wanted_elsewhere(self) -> bool:
        """Ask Redis, which passes must not wait for."""
        if time.monotonic() < self._ask_elsewhere_at:
            return False
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._wanted_elsewhere()
        except (RedisUnavailable, TimeoutError):
            self._ask_elsewhere_at = time.monotonic() + _AWAY_SECONDS
            return False
