"""The truth about a run: what the database holds, against what was sent and acknowledged."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from coffeert.lab.results import Correctness
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.queries import sql
from coffeert.postgres.verification import verify

_CHUNK = 20_000
_SETTLED = 1.0  # seconds without a new order
_COUNTED_WITHIN = 300.0  # ten millions of orders take a while to add up


class Truth:
    """Judges measurements on one database, one after another."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._connection: Connection | None = None
        self._rows = 0

    async def __aenter__(self) -> Self:
        self._connection = await connect(self._url, application_name="coffeert lab")
        self._rows = await self._count()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            await close(self._connection)

    async def of(self, sent_file: str, acknowledged_file: str) -> Correctness:
        """Judge what was sent since the last judgement, once the aggregator has counted it.

        Removes the files.
        """
        sent, acknowledged = _read(sent_file), _read(acknowledged_file)
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
        """Leave out what was sent since the last judgement; only `exact` will still look at it."""
        self._rows = await self._count()

    async def unsent(self, acknowledged: int) -> Correctness:
        """Judge so many acknowledged orders whose ids nobody has written down, by their number."""
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
        """Tell whether every order gets counted, and the rollups are exactly their sums."""
        assert self._connection is not None
        try:
            async with asyncio.timeout(_COUNTED_WITHIN):
                while True:
                    found = await verify(self._connection)
                    if not found.exact:
                        return False
                    if found.orders == await self._count():
                        return True
                    await asyncio.sleep(0.1)
        except TimeoutError:
            return False

    async def _settled(self) -> int:
        """Count the orders once those that nobody waits for any more are stored or given up."""
        before, rows = -1, await self._count()
        while rows != before:
            await asyncio.sleep(_SETTLED)
            before, rows = rows, await self._count()
        return rows

    async def _count(self) -> int:
        assert self._connection is not None
        count: int = await self._connection.fetchval("SELECT count(*) FROM orders")
        return count

    async def _stored(self, ids: list[UUID]) -> int:
        assert self._connection is not None
        found = 0
        for start in range(0, len(ids), _CHUNK):
            found += await self._connection.fetchval(
                sql("lab_count_ids"), ids[start : start + _CHUNK]
            )
        return found


def _read(name: str) -> list[UUID]:
    path = Path(name)
    data = path.read_bytes()
    path.unlink()
    return [UUID(bytes=data[at : at + 16]) for at in range(0, len(data), 16)]
