"""What a server reads from PostgreSQL for its dashboards."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

from coffeert.domain.rollups import RetentionWindow
from coffeert.domain.view import Change, RollupSnapshot
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection, Pool
from coffeert.postgres.queries import sql
from coffeert.postgres.rollups import load_snapshot, view_at
from coffeert.postgres.session import SessionStatus, read_status
from coffeert.wire.health import DatabaseHealth

_ACQUIRE_TIMEOUT_SECONDS = 2.0


class Probe(NamedTuple):
    """The figures of the database, and what a session may do there."""

    figures: DatabaseHealth
    status: SessionStatus


class RollupReader:
    """Reads over a pool; every method raises `DatabaseUnavailable`.

    `idle_elsewhere` returns how many connections are idle although they are not in the pool.
    """

    def __init__(self, pool: Pool, *, idle_elsewhere: Callable[[], int] = lambda: 0) -> None:
        self._pool = pool
        self._idle_elsewhere = idle_elsewhere

    async def load_snapshot(self, retention: RetentionWindow) -> RollupSnapshot:
        """Read the rollups as of the last pass."""
        async with self._connection() as connection:
            return await load_snapshot(connection, retention)

    async def view_at(self, moment: datetime, retention: RetentionWindow) -> Change:
        """Read the view as of a past moment."""
        async with self._connection() as connection:
            return await view_at(connection, moment, retention)

    async def lineage(self) -> str:
        """Read the lineage of the rollups."""
        async with self._connection() as connection:
            return str(await connection.fetchval(sql("lineage")))

    async def probe(self) -> Probe:
        """Measure a round trip, and read the status of a session; raises `SchemaMismatch`, too."""
        async with self._connection() as connection:
            started = time.perf_counter()
            await connection.fetchval("SELECT 1")
            milliseconds = (time.perf_counter() - started) * 1e3
            status = await read_status(connection)
        figures = DatabaseHealth(
            pool=self._pool.get_size(),
            pool_idle=self._pool.get_idle_size() + self._idle_elsewhere(),
            round_trip_ms=round(milliseconds, 3),
        )
        return Probe(figures, status)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translate_errors():
            async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_SECONDS) as connection:
                yield connection
