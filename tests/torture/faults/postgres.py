"""Faults of PostgreSQL, of its disk, and of the way there."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aiohttp
import asyncpg

from tests.servers import FAST
from tests.torture.faults.fault import Fault
from tests.torture.faults.weather import bad_weather
from tests.torture.small_disk import SmallDisk, small_disk
from tests.torture.stage import Stage, staged


class PostgresCrashed(Fault):
    """PostgreSQL is stopped at once, without a checkpoint, and started again."""

    name = "PostgreSQL stop -m immediate, restart"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Crash it and start it."""
        await asyncio.to_thread(stage.postgres.stop, "immediate")
        await asyncio.sleep(rng.random() * 0.5)
        stage.lift()
        await asyncio.to_thread(stage.postgres.start)


class PostgresFrozen(Fault):
    """PostgreSQL hangs for a while: connections stay open and nothing is answered."""

    name = "PostgreSQL SIGSTOP/SIGCONT"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Freeze all its processes for two seconds."""
        frozen = stage.postgres_processes()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(1.5 + rng.random())
        stage.lift()
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


class PostgresBehindBadNetwork(Fault):
    """The way to PostgreSQL is cut, slow, dripping and half closed."""

    name = "network to PostgreSQL: cut, delay, drip, half-close"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Go through the moods in a seeded order."""
        await bad_weather(stage.before_postgres, rng)
        stage.lift()


class LongTransaction(Fault):
    """A stranger writes an order and does not commit for as long as the others order.

    Clients that send that very order meanwhile are refused, and hold nobody up.
    """

    name = "write transaction held open, its key retried"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Hold the transaction open over several passes, which must go on, then commit it."""
        order_id = uuid4()
        connection = await asyncpg.connect(stage.database_url)
        try:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink)"
                    " VALUES ($1, now(), 1, 100, 'uptown', 'latte')",
                    order_id,
                )
                before = (await stage.state())["pass"]
                assert isinstance(before, int)
                retrying = [asyncio.create_task(_retry(stage, str(order_id))) for _ in range(3)]
                async with asyncio.timeout(20):
                    while int(str((await stage.state())["pass"])) < before + 8:
                        await asyncio.sleep(0.05)
            stage.strangers.append(str(order_id))
            async with asyncio.timeout(20):  # from the commit on it is a repeated key
                assert min(await asyncio.gather(*retrying)) > 0
        finally:
            stage.lift()
            await connection.close()


async def _retry(stage: Stage, order_id: str) -> int:
    """Send the stranger's order until it is stored, and return how often that was refused."""
    order = {"order_id": order_id, "store": "uptown", "drink": "latte", "price": "1.00"}
    refusals = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as http:
        while True:
            async with http.post(f"{stage.direct_url}/api/orders", json=order) as answer:
                if answer.status == 200:
                    return refusals
                assert answer.status == 503, answer.status
            refusals += 1


class DiskFull(Fault):
    """PostgreSQL's disk fills up, and later has room again."""

    name = "PostgreSQL's disk full"
    strikes = 1

    def __init__(self) -> None:
        self._disk: SmallDisk | None = None

    @asynccontextmanager
    async def setting(self) -> AsyncIterator[Stage]:
        """Set a stage whose data lie on a small disk; raises `NoSmallDisk`."""
        small = FAST | {"max_wal_size": "64MB", "min_wal_size": "32MB"}
        with small_disk("320m") as self._disk:
            async with staged(data=self._disk.path, postgres_settings=small) as stage:
                yield stage

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Take every free byte until orders are refused for a while, then give them back."""
        assert self._disk is not None
        self._disk.fill()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            async with asyncio.timeout(40):
                while await self._order(http, stage) != 503:
                    await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        self._disk.empty()
        stage.lift()
        # It may have given up: a supervisor starts it again, now that there is room.
        await asyncio.to_thread(stage.postgres.start)

    async def _order(self, http: aiohttp.ClientSession, stage: Stage) -> int:
        # Under a key that is taken by nobody, and thrown away: whether it is stored does not matter.
        order = {"store": "uptown", "drink": "latte", "order_id": str(uuid4())}
        stage.maybe.append(order["order_id"])
        try:
            async with http.post(f"{stage.direct_url}/api/orders", json=order) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0
