"""The ticks of the change feed: one an interval, and more while somebody reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from coffeert.backoff import Backoff
from coffeert.errors import CoffeertError, RedisUnavailable
from coffeert.postgres.feed import TickMade, make_tick, prune_ticks, ticks_wanted
from coffeert.postgres.leadership import STALL_SECONDS, end_if_silent
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.state import check_writable, locked_state

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 0.05
"""Between two ticks while somebody reads."""

_LOOK_SECONDS: Final = 0.25
"""After so long at most it is noticed that somebody has begun to read."""
_ANSWER_SECONDS: Final = 0.1
_AWAY_SECONDS: Final = 2.0
"""For so long Redis is not asked again after it gave no answer."""
_PRUNE_SECONDS: Final = 600.0
_MAX_RETRY_SECONDS: Final = 2.0
_TELL_SECONDS: Final = 5.0
"""A fault that lasts for less is not told: if PostgreSQL is away, the aggregator says so meanwhile."""


class FeedTicker:
    """Makes ticks on a connection of its own, so that they do not wait for passes, nor passes for them.

    An aggregator that has lost the lead without knowing may make one more: ticks follow each other under a
    lock of their own, so it is as good as any.
    """

    def __init__(
        self,
        database_url: str,
        wanted_elsewhere: Callable[[], Awaitable[bool]],
        *,
        interval: float,
        keep: timedelta,
        on_tick: Callable[[], None],
    ) -> None:
        """`interval` is in seconds; `wanted_elsewhere` knows of readers at standbys."""
        self._url = database_url
        self._wanted_elsewhere = wanted_elsewhere
        self._interval = interval
        self._keep = keep
        self._on_tick = on_tick
        self._ask_elsewhere_at = float("-inf")
        self._prune_at = float("-inf")
        self._backoff = Backoff(longest=_MAX_RETRY_SECONDS)
        self._failing_since: float | None = None
        self._told = False

    async def run(self, token: int) -> None:
        """Make ticks until cancelled, through outages of PostgreSQL. `token` is the leader's."""
        self._forget_fault()
        while True:
            try:
                await self._tick_regularly(token)
            except (CoffeertError, TimeoutError) as error:
                self._note_failure(str(error) or "PostgreSQL does not answer in time")
            await asyncio.sleep(self._backoff.next_delay())

    def _note_failure(self, reason: str) -> None:
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if not self._told and now - self._failing_since >= _TELL_SECONDS:
            log.warning("cannot make ticks of the feed", reason=reason)
            self._told = True

    def _note_success(self) -> None:
        if self._told:
            log.info("makes ticks of the feed again")
        self._forget_fault()

    def _forget_fault(self) -> None:
        self._backoff.reset()
        self._failing_since, self._told = None, False

    async def _tick_regularly(self, token: int) -> None:
        connection = await connect(self._url, application_name="coffeert feed ticks")
        try:
            await end_if_silent(connection, STALL_SECONDS)
            async with locked_state(connection) as state:
                check_writable(state, token)
            due = time.monotonic()
            wanted = False
            while True:
                # A session that is cut off would otherwise be waited for as long as TCP tries.
                async with asyncio.timeout(STALL_SECONDS):
                    if wanted or time.monotonic() >= due:
                        due = time.monotonic() + self._interval
                        wanted = (await self._tick(connection)).wanted
                    else:
                        wanted = await ticks_wanted(connection)
                self._note_success()
                wanted = wanted or await self._is_wanted_elsewhere()
                left = max(due - time.monotonic(), 0)
                await asyncio.sleep(TICK_SECONDS if wanted else min(_LOOK_SECONDS, left))
        finally:
            await close(connection)

    async def _tick(self, connection: Connection) -> TickMade:
        made = await make_tick(connection)
        if made.number is not None:
            self._on_tick()
        if time.monotonic() >= self._prune_at:
            more = await prune_ticks(connection, self._keep)
            self._prune_at = time.monotonic() + (0 if more else _PRUNE_SECONDS)
        return made

    async def _is_wanted_elsewhere(self) -> bool:
        """Ask Redis, which ticks must not wait for."""
        if time.monotonic() < self._ask_elsewhere_at:
            return False
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._wanted_elsewhere()
        except (RedisUnavailable, TimeoutError):
            self._ask_elsewhere_at = time.monotonic() + _AWAY_SECONDS
            return False
