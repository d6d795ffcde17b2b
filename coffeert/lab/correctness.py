"""Whether the database holds what was sent and acknowledged, once each, and the rollups count it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from coffeert.lab.environment import connection_to
from coffeert.lab.results import Correctness
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql
from coffeert.postgres.rollups import load_state
from coffeert.postgres.verification import verify

_CHUNK_IDS = 20_000
_SETTLED_SECONDS = 1.0  # without a new order
_POLL_SECONDS = 0.1
_COUNTED_TIMEOUT_SECONDS = 300.0  # ten million orders take a while to add up


class CorrectnessCheck:
    """Checks measurements on one database, one after another."""

    def __init__(self, connection: Connection, rows: int) -> None:
        self._connection = connection
        self._rows = rows

    async def check(self, sent_file: str, acknowledged_file: str) -> Correctness:
        """Check the orders since the last check, once the aggregator has counted them.

        The files hold order ids of 16 bytes each, and are removed.
        """
        sent, acknowledged = read_ids(sent_file), read_ids(acknowledged_file)
        rows = await self._settled() if len(acknowledged) < len(sent) else await self._count()
        new, self._rows = rows - self._rows, rows
        stored = await self._stored(sent)
        kept = stored if len(sent) == len(acknowledged) else await self._stored(acknowledged)
        return Correctness(
            sent=len(sent),
            acknowledged=len(acknowledged),
            stored=stored,
            lost=len(acknowledged) - kept,
            duplicated=new - stored,
            exact=await self.exact(),
        )

    async def skip(self) -> None:
        """Exclude the orders since the last check from the next; `exact` still covers them."""
        self._rows = await self._count()

    async def check_count(self, acknowledged: int) -> Correctness:
        """Check that so many orders were stored since the last check, if their ids are not known."""
        rows = await self._count()
        new, self._rows = rows - self._rows, rows
        return Correctness(
            sent=acknowledged,
            acknowledged=acknowledged,
            stored=new,
            lost=max(0, acknowledged - new),
            duplicated=max(0, new - acknowledged),
            exact=await self.exact(),
        )

    async def exact(self) -> bool:
        """Wait until every order is counted; return whether the rollups equal the orders."""
        try:
            async with asyncio.timeout(_COUNTED_TIMEOUT_SECONDS):
                while True:
                    await self._counted()
                    found = await verify(self._connection)
                    if not found.exact:
                        return False
                    if found.orders == await self._count():
                        return True
        except TimeoutError:
            return False

    async def _counted(self) -> None:
        # Asked before every order is compared, which takes seconds for each million.
        while True:
            state = await load_state(self._connection)
            left = await self._connection.fetchrow(sql("uncounted_orders"), state.watermark)
            if left is not None and not left["uncounted"]:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _settled(self) -> int:
        # Orders whose answer nobody waited for may still be stored, or given up.
        before, rows = -1, await self._count()
        while rows != before:
            await asyncio.sleep(_SETTLED_SECONDS)
            before, rows = rows, await self._count()
        return rows

    async def _count(self) -> int:
        return await count_orders(self._connection)

    async def _stored(self, ids: list[UUID]) -> int:
        found = 0
        for start in range(0, len(ids), _CHUNK_IDS):
            chunk = ids[start : start + _CHUNK_IDS]
            found += await self._connection.fetchval(sql("lab_count_ids"), chunk)
        return found


@asynccontextmanager
async def correctness_check(database_url: str) -> AsyncIterator[CorrectnessCheck]:
    """Yield a check of the orders that come from now on."""
    async with connection_to(database_url) as connection:
        yield CorrectnessCheck(connection, await count_orders(connection))


async def count_orders(connection: Connection) -> int:
    """Return the number of rows of `orders`."""
    count: int = await connection.fetchval("SELECT count(*) FROM orders")
    return count


def read_ids(name: str) -> list[UUID]:
    path = Path(name)
    data = path.read_bytes()
    path.unlink()
    return [UUID(bytes=data[at : at + 16]) for at in range(0, len(data), 16)]
