"""Makes reports, a few at a time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Final

from coffeert.domain.menu import Menu
from coffeert.errors import Unavailable
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.read_pool import ConnectionSource
from coffeert.postgres.reports import report_transaction
from coffeert.server.reports.closings import list_closings, read_closing
from coffeert.server.reports.reading import read_activity, read_report
from coffeert.server.reports.request import ReportRequest
from coffeert.server.reports.windows import WindowSpan, read_sessions, read_sliding
from coffeert.wire.closings import Closing, ClosingList
from coffeert.wire.reports import Activity, Report
from coffeert.wire.windows import SalesSessions, SlidingSums

_ACQUIRE_SECONDS: Final = 2.0
_STATEMENT_SECONDS: Final = 5.0
_TURN_SECONDS: Final = 10.0
_AT_ONCE: Final = 2
"""How many reports are read at a time; others wait. Orders need the other connections."""
_FRESH_SECONDS: Final = 1.0
"""The dashboards of a chain ask for the same reports, and passes are a second apart."""
_MOST_SHARED: Final = 64
_MOST_ROWS_KEPT: Final = 500


class _Shared:
    """A report that is read for everybody who asks for it within a second."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.report: Report | None = None
        self.read_at = -math.inf

    @property
    def fresh(self) -> bool:
        return time.monotonic() < self.read_at + _FRESH_SECONDS


class Reporter:
    """Makes reports; `menu` returns the current one."""

    def __init__(self, pool: ConnectionSource, menu: Callable[[], Menu]) -> None:
        self.menu = menu
        self._pool = pool
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._shared: dict[ReportRequest, _Shared] = {}

    async def report(self, request: ReportRequest) -> Report:
        """Make a report, or return the same one if it is less than a second old.

        Raises `Invalid`, `Unavailable` and `DatabaseUnavailable`.
        """
        if request not in self._shared and len(self._shared) >= _MOST_SHARED:
            self._shared = {
                asked: shared
                for asked, shared in self._shared.items()
                if shared.fresh or shared.lock.locked()
            }
        shared = self._shared.setdefault(request, _Shared())
        async with shared.lock:
            if shared.report is not None and shared.fresh:
                return shared.report
            async with self._connection() as connection:
                report = await read_report(connection, request, self.menu())
            if len(report.rows) < _MOST_ROWS_KEPT:
                shared.report, shared.read_at = report, time.monotonic()
            return report

    async def activity(self) -> Activity:
        """Say which stores sell as usual; raises `Unavailable` and `DatabaseUnavailable`."""
        async with self._connection() as connection:
            return await read_activity(connection, self.menu())

    async def sessions(
        self, span: WindowSpan, gap: timedelta, sources: frozenset[str] | None
    ) -> SalesSessions:
        """Find the sessions of stores; raises as `report` does."""
        async with self._connection("from") as connection:
            return await read_sessions(connection, span, gap, sources, self.menu())

    async def sliding(self, span: WindowSpan, width: timedelta, step: timedelta) -> SlidingSums:
        """Sum over the sliding windows of stores; raises as `report` does."""
        async with self._connection("from") as connection:
            return await read_sliding(connection, span, width, step, self.menu())

    async def closings(
        self, *, before: int | None = None, day: date | None = None, limit: int
    ) -> ClosingList:
        """Return closings, the last one first; raises `Unavailable` and `DatabaseUnavailable`."""
        async with self._connection() as connection:
            return await list_closings(connection, before=before, day=day, limit=limit)

    async def closing(self, number: int) -> Closing:
        """Return a closing in full; raises `NotFound`, `Unavailable` and `DatabaseUnavailable`."""
        async with self._connection() as connection:
            return await read_closing(connection, self.menu(), number)

    @asynccontextmanager
    async def _connection(self, field: str = "period") -> AsyncIterator[Connection]:
        """Wait for a turn; `field` is the parameter at fault if it is too much to read."""
        try:
            await asyncio.wait_for(self._turns.acquire(), _TURN_SECONDS)
        except TimeoutError:
            raise Unavailable("Too many reports are asked for.", retry_after=1) from None
        try:
            with translate_errors():
                connection = await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
                try:
                    async with report_transaction(connection, _STATEMENT_SECONDS, field):
                        yield connection
                finally:
                    await self._pool.release(connection)
        finally:
            self._turns.release()
