"""Faults that take the primary away for good: its standby becomes the primary."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import ClassVar

from coffeert.errors import EmbeddedError
from tests.standby import Standby, standby_of
from tests.torture.faults.fault import Fault
from tests.torture.stage import SOCKET, Stage, staged

_HANGING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
_RETRYING_SECONDS = 4.0


class PrimaryLost(Fault):
    """The primary dies, and its synchronous standby is promoted and takes its address."""

    name = "primary lost, synchronous standby promoted"
    strikes = 1
    synchronous: ClassVar[bool] = True
    settings: ClassVar[Mapping[str, str]] = MappingProxyType({})
    standby: Standby

    @asynccontextmanager
    async def setting(self) -> AsyncIterator[Stage]:
        """Set a stage with a standby: if it is synchronous, what is acknowledged is on both."""
        async with staged(settings=self.settings) as stage:
            with standby_of(stage.postgres) as self.standby:
                if self.synchronous:
                    await asyncio.to_thread(_wait_for_the_standby, stage)
                yield stage

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill the primary, let its address lead to the standby, and promote that."""
        lineage = (await stage.state())["lineage"]
        await asyncio.to_thread(stage.postgres.stop, "immediate")
        await asyncio.to_thread(self.standby.start)
        stage.before_postgres.move(self.standby.socket_directory / SOCKET)
        await asyncio.sleep(rng.random())
        await asyncio.to_thread(self.standby.promote)
        stage.lift()
        stage.moved_to = self.standby.url("torture")
        async with asyncio.timeout(30):
            while (await stage.state())["lineage"] == lineage:
                await asyncio.sleep(0.05)


class StandbyAway(PrimaryLost):
    """The standby goes, a backend is killed, which ends every wait for it, and then the primary is lost.

    After the crash what was waiting can be read; to acknowledge it would be to lose it. What is lost must
    not come back from the server's memory here.
    """

    name = "synchronous standby away, backend killed, primary lost"
    settings: ClassVar[Mapping[str, str]] = MappingProxyType({"restore_acknowledged": "false"})

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Stop the standby, kill a backend that waits for it, and let clients retry before the end."""
        await asyncio.to_thread(self.standby.stop)
        hanging = await _rows(stage, _HANGING)
        await asyncio.sleep(rng.random())
        os.kill(int(hanging[0]), signal.SIGKILL)
        await _rows(stage, "SELECT 1")
        await asyncio.sleep(_RETRYING_SECONDS)
        await super().strike(stage, rng)


class StandbyBehind(PrimaryLost):
    """An asynchronous standby is cut off while orders go on, and then the primary is lost.

    The server still has what it acknowledged, and stores again what the new primary lacks. An order whose
    client sends it once more before that is received a second time.
    """

    name = "asynchronous standby cut off, primary lost"
    synchronous: ClassVar[bool] = False

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Stop the standby for a while, lose the primary, and wait until the server has restored."""
        stage.received_again = True
        await asyncio.to_thread(self.standby.stop)
        await asyncio.sleep(0.5 + rng.random())
        await super().strike(stage, rng)
        async with asyncio.timeout(30):
            while "stored again" not in stage.server.err:
                await asyncio.sleep(0.05)


async def _rows(stage: Stage, query: str) -> list[str]:
    """Ask until there is an answer with rows: a server that is restarting gives none."""
    async with asyncio.timeout(30):
        while True:
            with suppress(EmbeddedError):
                if rows := await asyncio.to_thread(stage.postgres.execute, query):
                    return rows.splitlines()
            await asyncio.sleep(0.05)


def _wait_for_the_standby(stage: Stage) -> None:
    run = stage.postgres.execute
    run("ALTER SYSTEM SET synchronous_standby_names = '*'")
    run("SELECT pg_reload_conf()")
    while "sync" not in run("SELECT sync_state FROM pg_stat_replication").splitlines():
        pass
