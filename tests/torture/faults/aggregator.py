"""Faults of the aggregator that leads."""

from __future__ import annotations

import asyncio
import random
import signal

from tests.torture.faults.fault import Fault
from tests.torture.stage import Stage


class AggregatorKilled(Fault):
    """The leading aggregator dies; the other takes over."""

    name = "leading aggregator SIGKILL"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill the leader, wait for the next, and start another to stand by."""
        leader = await stage.leader()
        stage.lift()
        await leader.killed()
        await stage.leader()
        stage.start_aggregator()


class LeaderFrozen(Fault):
    """The leader freezes, another leads, and the first wakes up believing that it still does."""

    name = "leader frozen, two leaders at once"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Freeze the leader until another leads for a while, then wake it."""
        leader = await stage.leader()
        token = (await stage.state())["fencing_token"]
        stage.lift()
        leader.signal(signal.SIGSTOP)
        async with asyncio.timeout(30):
            while (await stage.state())["fencing_token"] == token:
                await asyncio.sleep(0.05)
        second = await stage.leader()
        assert second is not leader
        leader.signal(signal.SIGCONT)
        await asyncio.sleep(0.5)
        assert await stage.leader() is second, "the one that was frozen has taken over"
