"""One run: a history under one fault, with one seed, and what came of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from coffeert.cancellation import end
from tests.torture.checker import Verdict, check
from tests.torture.faults import Fault
from tests.torture.feed_readers import FeedReader
from tests.torture.feed_times import FeedTimes
from tests.torture.frame_times import FrameTimes
from tests.torture.history import History, Tills
from tests.torture.stage import Stage
from tests.torture.watchers import Auditor, Findings, Watcher

_ENDING = 90.0


@dataclass(frozen=True, slots=True)
class Run:
    """A row of the table. `heal` is the longest that the parts took to be well again, in seconds.

    Of the watchers' `frames`, whole views were `compared` with those of others at the same version,
    and `resumes` were merged for one who came back.
    """

    fault: str
    seed: int
    verdict: Verdict
    heal: float
    frames: int
    compared: int = 0
    resumes: int = 0
    frame_times: FrameTimes | None = None
    feed_times: FeedTimes | None = None


async def run(
    fault: Fault,
    seed: int,
    *,
    orders: int = 4_000,
    clients: int = 8,
    pause: float = 0.005,
) -> Run:
    """Order until the fault has struck as often as it does and `orders` are acknowledged; then check."""
    rng = random.Random(f"{fault.name} {seed}")
    history, findings = History(), Findings()
    heal = 0.0
    async with fault.setting() as stage:
        tills = Tills(stage.url, history, random.Random(rng.getrandbits(64)))
        async with _watching(stage, findings, rng) as (watchers, readers):
            ordering = asyncio.create_task(tills.run(clients, pause))
            try:
                for _ in range(fault.strikes):
                    await _more(history, orders // (fault.strikes + 1), ordering)
                    await asyncio.sleep(rng.random() * 0.2)
                    await fault.strike(stage, rng)
                    heal = max(heal, await stage.healed())
                await _until(lambda: history.acknowledged >= orders, ordering)
                tills.stop.set()
                async with asyncio.timeout(_ENDING):
                    await ordering
            finally:
                await end(ordering)
            verdict = await check(stage, history, watchers, findings, readers)
        return Run(
            fault.name,
            seed,
            verdict,
            heal,
            findings.frames,
            findings.compared,
            findings.resumes,
            fault.frame_times,
            fault.feed_times,
        )


@asynccontextmanager
async def _watching(
    stage: Stage, findings: Findings, rng: random.Random
) -> AsyncIterator[tuple[list[Watcher], list[FeedReader]]]:
    watchers = [
        Watcher(stage.url, findings, random.Random(rng.getrandbits(64)), restless=restless)
        for restless in (False, True, True)
    ]
    watchers += [Watcher(url, findings, random.Random(url)) for url in stage.other_urls]
    readers = [
        FeedReader(stage.url, random.Random(rng.getrandbits(64)), restless=restless)
        for restless in (False, True)
    ]
    tasks = [asyncio.create_task(watcher.run()) for watcher in watchers]
    tasks += [asyncio.create_task(reader.run()) for reader in readers]
    tasks.append(asyncio.create_task(Auditor(stage.direct_url, findings).run()))
    try:
        yield watchers, readers
        for task in tasks:
            assert not task.done(), f"a watcher has died: {task.exception()}"
    finally:
        for task in tasks:
            await end(task)


async def _more(history: History, orders: int, ordering: asyncio.Task[None]) -> None:
    target = history.acknowledged + orders
    await _until(lambda: history.acknowledged >= target, ordering)


async def _until(condition: Callable[[], bool], ordering: asyncio.Task[None]) -> None:
    async with asyncio.timeout(_ENDING):
        while not condition():
            if ordering.done():
                ordering.result()
                raise AssertionError("the clients have ended early")
            await asyncio.sleep(0.02)
