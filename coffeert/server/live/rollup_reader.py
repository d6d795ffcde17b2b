"""What a server reads from PostgreSQL for its dashboards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import NamedTuple

from coffeert.domain.view import Change, RollupSnapshot
from coffeert.postgres.connecting import has_session
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection, Pool
from coffeert.postgres.queries import sql
from coffeert.postgres.read_pool import ReadPool
from coffeert.postgres.rollups import load_snapshot, view_at, view_on
from coffeert.postgres.session import SessionStatus, read_status
from coffeert.server.live.database_clock import DatabaseClock
from coffeert.wire.health import DatabaseHealth

_ACQUIRE_TIMEOUT_SECONDS = 2.0
_OFFSET_SHOWN_SECONDS = 1.0


class ProbeResult(NamedTuple):
    """The figures of the database, and what a session may do there."""

    figures: DatabaseHealth
    status: SessionStatus


class RollupReader:
    """Reads over a pool; every method raises `DatabaseUnavailable`.

    What it reads also keeps `clock` right. The past and the first snapshot are read by way of `reads`;
    later snapshots are not: by those a primary that has gone back is noticed. `idle_elsewhere` returns
    how many connections are idle although they are not in the pool.
    """

    def __init__(
        self,
        pool: Pool,
        clock: DatabaseClock,
        *,
        reads: ReadPool,
        idle_elsewhere: Callable[[], int] = lambda: 0,
    ) -> None:
        self.clock = clock
        self._pool = pool
        self._reads = reads
        self._first = True
        self._idle_elsewhere = idle_elsewhere

    async def load_snapshot(self, *, live: bool) -> tuple[RollupSnapshot, datetime]:
        """Read the rollups as of the last pass, within the windows as of now, and this moment.

        `live`: and what the last pass has not counted.
        """
        async with self._connection() as connection:
            await self._measure(connection)
            now = self.clock.now()
            if not (self._first and self._reads.has_standby):
                return await load_snapshot(connection, now, live=live), now
        async with self._connection_to_read() as connection:
            snapshot = await load_snapshot(connection, now, live=live)
        self._first = False
        return snapshot, now

    async def view_at(self, moment: datetime) -> Change:
        """Read the view as of a past moment."""
        async with self._connection_to_read() as connection:
            return await view_at(connection, moment)

    async def view_on(self, day: date) -> Change:
        """Read the view as of the end of a business day, or as of now if it has not ended."""
        async with self._connection_to_read() as connection:
            return await view_on(connection, day, self.clock.now())

    async def lineage(self) -> str:
        """Read the lineage of the rollups."""
        async with self._connection() as connection:
            return str(await connection.fetchval(sql("lineage")))

    async def measure_clock(self) -> None:
        """Bring `clock` up to date."""
        async with self._connection() as connection:
            await self._measure(connection)

    async def probe(self) -> ProbeResult:
        """Measure a round trip, and read the status of a session; raises `SchemaMismatch`, too."""
        async with self._connection() as connection:
            seconds = await self._measure(connection)
            status = await read_status(connection)
            refused: int = await connection.fetchval(sql("forward_refusal_count"))
            pooled = not has_session(connection)
        await self._reads.check()
        offset = self.clock.offset
        figures = DatabaseHealth(
            pool=self._pool.get_size(),
            pool_idle=self._pool.get_idle_size() + self._idle_elsewhere(),
            round_trip_ms=round(seconds * 1e3, 3),
            clock_offset_s=round(offset, 1) if abs(offset) > _OFFSET_SHOWN_SECONDS else 0,
            forward_refused=refused,
            pooler="transaction" if pooled else "",
            standby=(self._reads.obstacle or "read") if self._reads.has_standby else "",
        )
        return ProbeResult(figures, status)

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
    async def _connection_to_read(self) -> AsyncIterator[Connection]:
        with translate_errors():
            connection = await self._reads.acquire(timeout=_ACQUIRE_TIMEOUT_SECONDS)
            try:
                yield connection
            finally:
                await self._reads.release(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translate_errors():
            async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_SECONDS) as connection:
                yield connection
