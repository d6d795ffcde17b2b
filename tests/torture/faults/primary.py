"""The fault that takes the primary away for good: its standby becomes the primary."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from tests.integration.aggregator.test_history import standby_of
from tests.torture.faults.fault import Fault
from tests.torture.stage import SOCKET, Stage, staged


class PrimaryLost(Fault):
    """The primary dies, and its synchronous standby is promoted and takes its address."""

    name = "primary lost, synchronous standby promoted"
    strikes = 1

    def __init__(self) -> None:
        self._standby_url = ""

    @asynccontextmanager
    async def setting(self) -> AsyncIterator[Stage]:
        """Set a stage with a standby: what is acknowledged is on both."""
        async with staged() as stage:
            with standby_of(stage.postgres) as url:
                self._standby_url = url.replace("/shop?", "/torture?")
                await asyncio.to_thread(_wait_for_the_standby, stage)
                yield stage

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill the primary, let its address lead to the standby, and promote that."""
        lineage = (await stage.state())["lineage"]
        await asyncio.to_thread(stage.postgres.stop, "immediate")
        (directory,) = parse_qs(urlsplit(self._standby_url).query)["host"]
        stage.before_postgres.move(Path(directory) / SOCKET)
        await asyncio.sleep(rng.random())
        connection = await asyncpg.connect(self._standby_url)
        try:
            await connection.execute("SELECT pg_promote()")
        finally:
            await connection.close()
        stage.lift()
        stage.moved_to = self._standby_url
        async with asyncio.timeout(30):
            while (await stage.state())["lineage"] == lineage:
                await asyncio.sleep(0.05)


def _wait_for_the_standby(stage: Stage) -> None:
    run = stage.postgres.execute
    run("ALTER SYSTEM SET synchronous_standby_names = '*'")
    run("SELECT pg_reload_conf()")
    while "sync" not in run("SELECT sync_state FROM pg_stat_replication").splitlines():
        pass
