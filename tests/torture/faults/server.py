"""Faults of the server's process."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import AbstractAsyncContextManager

from tests.end_to_end.processes import children
from tests.torture.faults.fault import Fault
from tests.torture.stage import Stage, staged


class ServerKilled(Fault):
    """The server dies in the middle of a batch, and is started again by a supervisor."""

    name = "server SIGKILL mid-batch"
    strikes = 3

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill it and start it at the same address."""
        await stage.server.killed()
        await asyncio.sleep(rng.random() * 0.3)
        stage.lift()
        await stage.start_server()


class WorkerKilled(Fault):
    """One of two workers on one port dies, and is started again by the process of both."""

    name = "two workers, one SIGKILL mid-batch"
    strikes = 3

    def setting(self) -> AbstractAsyncContextManager[Stage]:
        """Set a stage with two workers."""
        return staged(workers=2)

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill one of them and wait until there are two again."""
        before = children(stage.server.pid)
        os.kill(rng.choice(sorted(before)), signal.SIGKILL)
        stage.lift()
        async with asyncio.timeout(30):
            while len(found := children(stage.server.pid)) < len(before) or found == before:
                await asyncio.sleep(0.05)


class ServerFrozen(Fault):
    """The server stops for a while, with everything it has in its hands."""

    name = "server SIGSTOP/SIGCONT"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Freeze it for a second or so."""
        stage.server.signal(signal.SIGSTOP)
        await asyncio.sleep(0.5 + rng.random())
        stage.lift()
        stage.server.signal(signal.SIGCONT)


class ServerEnded(Fault):
    """The server is asked to end under load, as in every deployment."""

    name = "SIGTERM under load"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Ask it to end; it must do so in order, and say goodbye."""
        ended = await stage.server.stopped()
        assert ended.code == 0, ended.err
        assert "Traceback" not in ended.err, ended.err
        stage.lift()
        await stage.start_server()
