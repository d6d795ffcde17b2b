"""What a server reads from PostgreSQL for its dashboards."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

from coffeert.domain.view import Change, RollupSnapshot
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection, Pool
from coffeert.postgres.queries import sql
from coffeert.postgres.rollups import load_snapshot, view_at, view_on
from coffeert.wire.health import DatabaseHealth

_ACQUIRE_TIMEOUT_SECONDS = 2.0


class RollupReader:
    """Reads over a pool; every method raises `DatabaseUnavailable`.

    `idle_elsewhere` returns how many connections are idle although they are not in the pool.
    """

    def __init__(self, pool: Pool, *, idle_elsewhere: Callable[[], int] = lambda: 0) -> None:
        self._pool = pool
        self._idle_elsewhere = idle_elsewhere

    async def load_snapshot(self, now: datetime) -> RollupSnapshot:
        """Read the rollups as of the last pass, within the windows of a moment."""
        async with self._connection() as connection:
            return await load_snapshot(connection, now)

    async def view_at(self, moment: datetime) -> Change:
        """Read the view as of a past moment."""
        async with self._connection() as connection:
            return await view_at(connection, moment)

    async def view_on(self, day: date) -> Change:
        """Read the view as of the end of a business day, or as of now if it has not ended."""
        async with self._connection() as connection:
            return await view_on(connection, day, datetime.now(UTC))

    async def lineage(self) -> str:
        """Read the lineage of the rollups."""
        async with self._connection() as connection:
            return str(await connection.fetchval(sql("lineage")))

    async def probe(self) -> DatabaseHealth:
        """Measure a round trip."""
        async with self._connection() as connection:
            started = time.perf_counter()
            await connection.fetchval("SELECT 1")
            milliseconds = (time.perf_counter() - started) * 1e3
        return DatabaseHealth(
            pool=self._pool.get_size(),
            pool_idle=self._pool.get_idle_size() + self._idle_elsewhere(),
            round_trip_ms=round(milliseconds, 3),
        )

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translate_errors():
            async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_SECONDS) as connection:
                yield connection
