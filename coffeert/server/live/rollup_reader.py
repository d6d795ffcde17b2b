"""What a server reads from PostgreSQL for its dashboards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from coffeert.domain.rollups import RetentionWindow
from coffeert.domain.view import Change, RollupSnapshot
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection, Pool
from coffeert.postgres.queries import sql
from coffeert.postgres.rollups import load_snapshot, view_at
from coffeert.server.live.database_clock import DatabaseClock
from coffeert.wire.health import DatabaseHealth

_ACQUIRE_TIMEOUT_SECONDS = 2.0
_OFFSET_SHOWN_SECONDS = 1.0


class RollupReader:
    """Reads over a pool; every method raises `DatabaseUnavailable`.

    What it reads also keeps `clock` right. `idle_elsewhere` returns how many connections are idle although
    they are not in the pool.
    """

    def __init__(
        self, pool: Pool, clock: DatabaseClock, *, idle_elsewhere: Callable[[], int] = lambda: 0
    ) -> None:
        self.clock = clock
        self._pool = pool
        self._idle_elsewhere = idle_elsewhere

    async def load_snapshot(
        self, retention_at: Callable[[datetime], RetentionWindow]
    ) -> tuple[RollupSnapshot, RetentionWindow]:
        """Read the rollups as of the last pass, within the retention window as of now."""
        async with self._connection() as connection:
            await self._measure(connection)
            retention = retention_at(self.clock.now())
            return await load_snapshot(connection, retention), retention

    async def view_at(self, moment: datetime, retention: RetentionWindow) -> Change:
        """Read the view as of a past moment."""
        async with self._connection() as connection:
            return await view_at(connection, moment, retention)

    async def lineage(self) -> str:
        """Read the lineage of the rollups."""
        async with self._connection() as connection:
            return str(await connection.fetchval(sql("lineage")))

    async def measure_clock(self) -> None:
        """Bring `clock` up to date."""
        async with self._connection() as connection:
            await self._measure(connection)

    async def probe(self) -> DatabaseHealth:
        """Measure a round trip."""
        async with self._connection() as connection:
            seconds = await self._measure(connection)
        offset = self.clock.offset
        return DatabaseHealth(
            pool=self._pool.get_size(),
            pool_idle=self._pool.get_idle_size() + self._idle_elsewhere(),
            round_trip_ms=round(seconds * 1e3, 3),
            clock_offset_s=round(offset, 1) if abs(offset) > _OFFSET_SHOWN_SECONDS else 0,
        )

    async def _measure(self, connection: Connection) -> float:
        """Ask for the database's time; return the seconds until the answer."""
        asked = self.clock.monotonic()
        row = await connection.fetchrow(sql("database_clock"))
        answered = self.clock.monotonic()
        assert row is not None
        if not row["standby"]:
            self.clock.measured(row["now"], asked, answered)
        return answered - asked

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translate_errors():
            async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_SECONDS) as connection:
                yield connection
