"""Faults of backups: an earlier copy of the database's files is put back, and everything runs on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import asyncpg

from coffeert.embedded import PostgresServer
from tests.integration.server.live.test_put_back import (
    cold_copy,
    crash_consistent_copy,
    put_back,
)
from tests.torture.faults.fault import Fault
from tests.torture.stage import Stage


class _CopyPutBack(Fault):
    """What was stored after the copy is gone with it, and nothing else may be missing or shown."""

    strikes = 1
    copy: ClassVar[Callable[[PostgresServer, Path], None]]

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Copy the files, go on for a while, and put the copy back."""
        copy = stage.postgres.directory.cluster.parent / "earlier"
        await asyncio.to_thread(type(self).copy, stage.postgres, copy)
        await stage.healed()
        await asyncio.sleep(2 + rng.random())
        lineage = (await stage.state())["lineage"]
        stage.front.mood = "refuse"  # from here on nothing is acknowledged that we do not see
        stage.front.cut()
        await asyncio.sleep(0.5)
        stored = await _stored(stage)
        await asyncio.to_thread(put_back, stage.postgres, copy)
        stage.restored_away |= stored - await _stored(stage)
        assert stage.restored_away, "nothing was stored after the copy"
        stage.lift()
        stage.front.mood = "pass"
        async with asyncio.timeout(30):
            while (await stage.state())["lineage"] == lineage:
                await asyncio.sleep(0.05)


class ColdCopyPutBack(_CopyPutBack):
    """A copy of the files of a stopped server."""

    name = "cold copy of the files put back"
    copy = cold_copy


class CrashConsistentCopyPutBack(_CopyPutBack):
    """A copy of the files of a running server, at one moment."""

    name = "snapshot of the running server's files put back"
    copy = crash_consistent_copy


async def _stored(stage: Stage) -> set[UUID]:
    connection = await asyncpg.connect(stage.database_url)
    try:
        return {row[0] for row in await connection.fetch("SELECT order_id FROM orders")}
    finally:
        await connection.close()
