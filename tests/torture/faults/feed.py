"""What can go wrong between those who write orders and those who read the feed."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from tests.end_to_end.processes import Command
from tests.torture.faults.fault import Fault
from tests.torture.feed_times import FeedTimes, feed_times
from tests.torture.sqlite_reader import ids_read
from tests.torture.stage import Stage, staged

_ORDER: Final = (
    "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
    " SELECT unnest($1::uuid[]), now(), 1, 100, 'uptown', 'latte'"
)
_LARGE: Final = 400_000
_READER: Final = (sys.executable, "-m", "tests.torture.sqlite_reader")
_ROOT: Final = Path(__file__).resolve().parents[3]


class StoredReader:
    """A reader in a process of its own, with a database for what it read and for its cursor."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._file = stage.shell.directory / name
        self.process: Command
        self.restarts = 0

    @property
    def ids(self) -> list[UUID]:
        """What it has read."""
        return ids_read(self._file)

    def start(self) -> None:
        """Start it at the cursor where it was."""
        self.process = self._stage.shell.start(
            self._stage.url,
            str(self._file),
            program=_READER,
            variables={"PYTHONPATH": str(_ROOT)},
        )


class FeedReadersKilled(Fault):
    """Processes that follow the feed die at any moment, and are started again."""

    name = "readers of the feed SIGKILL"
    strikes = 6

    @asynccontextmanager
    async def setting(self) -> AsyncIterator[Stage]:
        """Set a stage with two of them."""
        async with staged() as stage:
            self._readers = [StoredReader(stage, f"reader-{number}") for number in range(2)]
            for reader in self._readers:
                reader.start()
            stage.other_readers += self._readers
            yield stage

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Wait until one has read more, kill it, and start it again."""
        reader = rng.choice(self._readers)
        before = len(reader.ids)
        async with asyncio.timeout(30):
            while len(await asyncio.to_thread(lambda: reader.ids)) <= before:
                await asyncio.sleep(rng.random() * 0.05)
        await reader.process.killed()
        stage.lift()
        reader.start()


class TransactionsHeld(Fault):
    """Strangers hold transactions with savepoints open over ticks, take some back, commit in any order."""

    name = "transactions with savepoints held open, some taken back"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Let six strangers write at once."""
        await asyncio.gather(*(self._write(stage, rng.getrandbits(64)) for _ in range(6)))
        stage.lift()

    async def _write(self, stage: Stage, seed: int) -> None:
        rng = random.Random(seed)
        connection = await asyncpg.connect(stage.database_url)
        try:
            for _ in range(3):
                kept = await self._transaction(connection, rng)
                stage.strangers += map(str, kept)
        finally:
            await connection.close()

    async def _transaction(
        self, connection: asyncpg.Connection[asyncpg.Record], rng: random.Random
    ) -> list[UUID]:
        """Store orders in a transaction that lasts; return those that stay."""
        kept = []
        outer = connection.transaction()
        await outer.start()
        for _ in range(rng.randrange(1, 5)):
            inner = connection.transaction()
            await inner.start()  # a savepoint: its orders have a transaction id of their own
            some = [uuid4() for _ in range(rng.randrange(1, 4))]
            await connection.execute(_ORDER, some)
            await asyncio.sleep(rng.random() * 0.2)
            if rng.random() < 0.3:
                await inner.rollback()
            else:
                await inner.commit()
                kept += some
        if rng.random() < 0.2:
            await outer.rollback()
            return []
        await outer.commit()
        return kept


class LargeTransaction(Fault):
    """A stranger stores 400,000 orders in one transaction."""

    name = "400,000 orders in one transaction"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Store them while others order and read."""
        ids = [UUID(int=rng.getrandbits(128), version=4) for _ in range(_LARGE)]
        connection = await asyncpg.connect(stage.database_url)
        try:
            await connection.execute(_ORDER, ids, timeout=120)
            await connection.execute("ANALYZE orders", timeout=120)  # as autovacuum does
        finally:
            await connection.close()
        stage.strangers += map(str, ids)
        stage.lift()


class StalledFeedReaders(Fault):
    """Readers ask for streams and pages of all there is, and take nothing of them."""

    name = "stalled readers of the feed"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Time the feed for one who reads, alone and beside thirty who do not."""
        without = await feed_times(stage)
        links = [await self._stall(stage.port, number) for number in range(30)]
        self.feed_times = FeedTimes(without, await feed_times(stage))
        stage.lift()
        for writer in links:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        assert self.feed_times.unchanged, self.feed_times.remark()

    async def _stall(self, port: int, number: int) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        accept = ("text/event-stream", "application/x-ndjson")[number % 2]
        writer.write(
            f"GET /api/feed?limit=5000 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        return writer
