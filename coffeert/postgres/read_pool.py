"""Connections for what is only read: of a standby that has all that was shown, or else of the primary."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Final, Protocol

import asyncpg
import msgspec
import structlog

from coffeert.domain.watermark import Xid
from coffeert.errors import CoffeertError, DatabaseUnavailable, SchemaMismatch
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Leased, Pool
from coffeert.postgres.queries import sql

log = structlog.get_logger(__name__)

_ACQUIRE_SECONDS: Final = 1.0
_CATCH_UP_SECONDS: Final = 0.25
"""A standby may lag by that much: it is waited for."""
_POLL_SECONDS: Final = 0.02
_AWAY_SECONDS: Final = 1.0
"""For so long the primary is read at once after the standby was of no use."""
_MOST_XIDS: Final = 5_000


class Shown(msgspec.Struct, frozen=True):
    """What readers know: a pass of a lineage, and committed transactions that it has not counted."""

    lineage: str
    number: int
    xids: Collection[Xid] = ()


class ConnectionSource(Protocol):
    """Lends connections; asyncpg's pools do."""

    def acquire(self, *, timeout: float | None = None) -> Awaitable[Leased]:
        """Return a connection; raises `TimeoutError`, and whatever connecting does."""

    def release(self, connection: Leased, *, timeout: float | None = None) -> Awaitable[None]:
        """Take a connection back."""


class ReadPool:
    """Lends a connection to a standby whenever that has replayed all that is `shown`.

    So nobody sees figures go back, or misses an order that was acknowledged. `shown` returns `None` while
    nothing is shown: then the standby must have what the primary has. Without a standby the primary is
    read.
    """

    def __init__(
        self,
        primary: Pool,
        standby: Pool | None,
        shown: Callable[[], Shown | None],
        *,
        catch_up_seconds: float = _CATCH_UP_SECONDS,
    ) -> None:
        self.obstacle: str | None = None
        self._primary = primary
        self._standby = standby
        self._shown = shown
        self._catch_up = catch_up_seconds
        self._away_until = 0.0
        self._of_standby: set[Leased] = set()

    @property
    def has_standby(self) -> bool:
        """Whether there is a standby to read, if it is of use."""
        return self._standby is not None

    async def acquire(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 (as asyncpg's pools)
    ) -> Leased:
        """Lend a connection; raises as an asyncpg pool does."""
        if self._standby is not None and time.monotonic() >= self._away_until:
            connection = await self._of_use(self._standby)
            if connection is not None:
                self._of_standby.add(connection)
                return connection
        return await self._primary.acquire(timeout=timeout)

    async def release(
        self,
        connection: Leased,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 (as asyncpg's pools)
    ) -> None:
        """Take a connection back."""
        pool = self._primary
        if connection in self._of_standby:
            self._of_standby.discard(connection)
            assert self._standby is not None
            pool = self._standby
        await pool.release(connection, timeout=timeout)

    async def check(self) -> None:
        """Find out whether the standby is of use, and note it in `obstacle`."""
        if self._standby is not None:
            connection = await self._of_use(self._standby)
            if connection is not None:
                await self._standby.release(connection)

    async def _of_use(self, standby: Pool) -> Leased | None:
        """Return a connection to a standby that may be read now."""
        try:
            with translate_errors():
                shown = self._shown() or await self._state_of_primary()
                connection = await standby.acquire(timeout=_ACQUIRE_SECONDS)
                try:
                    async with asyncio.timeout(_ACQUIRE_SECONDS + self._catch_up):
                        obstacle = await self._wait_for(connection, shown)
                except BaseException:
                    connection.terminate()
                    with suppress(asyncpg.InterfaceError, OSError):
                        await standby.release(connection)
                    raise
                if obstacle is not None:
                    await standby.release(connection)
        except (CoffeertError, SchemaMismatch) as error:
            self._note(str(error).removesuffix("."))
            return None
        self._note(obstacle)
        return connection if obstacle is None else None

    async def _wait_for(self, connection: Leased, shown: Shown) -> str | None:
        """Return why a standby does not have what is shown, after some time to catch up."""
        if len(shown.xids) > _MOST_XIDS:
            return "too many orders wait for a pass"
        xids = [str(xid) for xid in shown.xids]
        deadline = time.monotonic() + self._catch_up
        while True:
            row = await connection.fetchrow(sql("standby_position"), xids)
            if row is None:
                return "it has no coffeert database"
            if row["lineage"] == shown.lineage and row["number"] >= shown.number and row["has_all"]:
                return None
            if time.monotonic() >= deadline:
                if row["lineage"] != shown.lineage:
                    return "it has another history of orders"
                return f"it is behind by {max(1, shown.number - row['number']):,} passes"
            await asyncio.sleep(_POLL_SECONDS)

    async def _state_of_primary(self) -> Shown:
        async with self._primary.acquire(timeout=_ACQUIRE_SECONDS) as connection:
            row = await connection.fetchrow(sql("load_state"))
        if row is None:
            raise DatabaseUnavailable("The primary has no state.")
        return Shown(row["lineage"], row["number"])

    def _note(self, obstacle: str | None) -> None:
        if obstacle is not None:
            self._away_until = time.monotonic() + _AWAY_SECONDS
        else:
            self._away_until = 0.0
        if obstacle is not None and self.obstacle is None:
            log.warning("the standby is not read", reason=obstacle)
        elif obstacle is None and self.obstacle is not None:
            log.info("the standby is read again")
        self.obstacle = obstacle
