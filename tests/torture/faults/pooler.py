"""Faults behind PgBouncer, which has the configuration that its package comes with."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar, Literal

import asyncpg

from tests.pgbouncer import PROGRAM
from tests.torture.faults.aggregator import AggregatorKilled
from tests.torture.faults.fault import Fault, NotPossible
from tests.torture.stage import Stage, staged

_ADVISORY_LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


class PoolerInSessionModeKilled(Fault):
    """The pooler dies with everything that it carries, and is started again by a supervisor."""

    name = "PgBouncer SIGKILL, session mode"
    strikes = 3
    mode: ClassVar[Literal["session", "transaction"]] = "session"

    def setting(self) -> AbstractAsyncContextManager[Stage]:
        """Set a stage on which every part connects by way of the pooler."""
        return _pooled(self.mode)

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill it, leave it away for a moment, and start it at the same port."""
        assert stage.pooler is not None
        stage.pooler.kill()
        await asyncio.sleep(rng.random())
        stage.lift()
        stage.pooler.start()


class PoolerInTransactionModeKilled(PoolerInSessionModeKilled):
    """The same while each transaction may have another session, and a lease stands for the lock."""

    name = "PgBouncer SIGKILL, transaction mode"
    mode: ClassVar[Literal["session", "transaction"]] = "transaction"


class LeaderByLeaseKilled(AggregatorKilled):
    """A leader without a session dies: nobody hears of it, so the other waits for the end of its lease."""

    name = "leading aggregator SIGKILL behind PgBouncer, transaction mode"

    def setting(self) -> AbstractAsyncContextManager[Stage]:
        """Set a stage on which every part connects by way of a pooler in transaction mode."""
        return _pooled("transaction")


@asynccontextmanager
async def _pooled(mode: Literal["session", "transaction"]) -> AsyncIterator[Stage]:
    """Set the stage; if all has gone well on it, no lock of a transaction mode may be left."""
    if PROGRAM is None:
        raise NotPossible("PgBouncer is not installed")
    async with staged(pooling=mode) as stage:
        yield stage
        if mode == "transaction":
            connection = await asyncpg.connect(stage.database_url)
            try:
                left = await connection.fetchval(_ADVISORY_LOCKS)
            finally:
                await connection.close()
            assert not left, f"{left} advisory locks are left in sessions of the pooler"
