"""Breaking a part of the demo on purpose, and the proof afterwards that nothing was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from signal import SIGKILL
from typing import Final, assert_never
from uuid import UUID

from coffeert.cli.demo_sales import Tills
from coffeert.cli.demo_server import DemoServer
from coffeert.embedded import DataDirectory, PostgresServer, ValkeyServer
from coffeert.embedded.daemon import Daemon
from coffeert.errors import CoffeertError
from coffeert.postgres.pool import close, connect
from coffeert.postgres.verification import FoundOrders, Verification, count_found, verify
from coffeert.wire.demo import BreakablePart, DemoPhase

_RUSH_PER_SECOND: Final = 3.0
_RUSH_SECONDS: Final = 2.0
"""How long orders go on at that rate after the part is back."""

_HEALED_WITHIN_SECONDS: Final = 60.0
_COUNTED_WITHIN_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1

Say = Callable[[DemoPhase, str], None]
"""Takes a phase and a sentence."""


class Breaker:
    """Kills parts of a running demo, and reports what becomes of its orders."""

    def __init__(
        self, directory: DataDirectory, database_url: str, server: DemoServer, tills: Tills
    ) -> None:
        self._daemons: dict[str, Daemon] = {
            "postgres": PostgresServer(directory),
            "redis": ValkeyServer(directory),
        }
        self._database_url = database_url
        self._server = server
        self._tills = tills

    async def break_part(self, part: BreakablePart, say: Say) -> None:
        """Kill a part while orders arrive, wait until all is well, and prove that nothing was lost.

        Raises `CoffeertError` if the part does not run, or the orders cannot be counted.
        """
        rush = asyncio.create_task(self._tills.rush(_RUSH_PER_SECOND))
        try:
            began = time.monotonic()
            title, pid = await self._kill(part)
            say("broken", f"{title} is killed (kill -9 {pid}). Orders go on arriving.")
            async with asyncio.timeout(_HEALED_WITHIN_SECONDS):
                await self._revived(part, pid, title, say)
            seconds = time.monotonic() - began
            say("healing", f"{title} runs again after {seconds:.1f} s.")
            await asyncio.sleep(_RUSH_SECONDS)
        except TimeoutError:
            say("failed", f"{title} does not come back; see the demo's log.")
            return
        finally:
            rush.cancel()
            await asyncio.gather(rush, return_exceptions=True)
        await self.prove(say)

    async def _kill(self, part: BreakablePart) -> tuple[str, int]:
        match part:
            case "server":
                return "The server", self._server.kill()
            case "postgres" | "redis":
                daemon = self._daemons[part]
                pid = await asyncio.to_thread(lambda: daemon.pid)
                if pid is None:
                    raise CoffeertError(f"{daemon.title} does not run.")
                await asyncio.to_thread(daemon.directory.account.signal, pid, SIGKILL)
                return daemon.title, pid
            case _:
                assert_never(part)

    async def _revived(self, part: BreakablePart, pid: int, title: str, say: Say) -> None:
        while not await asyncio.to_thread(self._is_back, part, pid):
            waiting = self._tills.unanswered
            say("broken", f"{title} is killed (kill -9 {pid}). Orders that wait: {waiting:,}.")
            await asyncio.sleep(_POLL_SECONDS)

    def _is_back(self, part: BreakablePart, killed: int) -> bool:
        if part == "server":
            return self._server.pid not in (killed, None)
        daemon = self._daemons[part]
        return daemon.pid not in (killed, None) and daemon.is_answering()

    async def prove(self, say: Say) -> None:
        """Wait for all answers, then look for every order that was sent and compare every figure."""
        deadline = time.monotonic() + _HEALED_WITHIN_SECONDS
        while self._tills.unanswered and time.monotonic() < deadline:
            say("healing", f"Orders that wait for their answer: {self._tills.unanswered:,}.")
            await asyncio.sleep(_POLL_SECONDS)
        sent = list(self._tills.sent)
        answered = self._tills.unanswered == 0
        say("healing", "Comparing every order with every figure ...")
        verification, found = await self._counted(sent)
        figures = f"{len(sent):,} orders sent, {found.stored:,} stored, {found.counted:,} counted"
        if answered and verification.exact and len(sent) == found.stored == found.counted:
            total = f"all figures equal the {verification.orders:,} orders"
            say("proved", f"{figures}: nothing lost, and {total}.")
        else:
            differing = sum(grain.differing for grain in verification.grains)
            waiting = self._tills.unanswered
            say("failed", f"{figures}; {waiting:,} unanswered, {differing:,} figures differ.")

    async def _counted(self, sent: Sequence[UUID]) -> tuple[Verification, FoundOrders]:
        """Verify, again until a pass has counted what was sent or some seconds are over."""
        deadline = time.monotonic() + _COUNTED_WITHIN_SECONDS
        connection = await connect(self._database_url, application_name="coffeert demo")
        try:
            while True:
                verification = await verify(connection)
                found = await count_found(connection, sent, verification.watermark)
                if found.counted == found.stored or time.monotonic() > deadline:
                    return verification, found
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await close(connection)
