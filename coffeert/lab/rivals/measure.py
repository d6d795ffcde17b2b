"""One rival, measured: cold start, delays, memory, maximum, late orders, what a `kill -9` does."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil
from msgspec.structs import replace

from coffeert.errors import CoffeertError
from coffeert.lab.rivals.counts import CountReader, count_reader
from coffeert.lab.rivals.load import backlog_ended, closed_loop, make_orders, open_loop
from coffeert.lab.rivals.results import (
    RATES,
    KillOutcome,
    LateOutcome,
    RivalDelay,
    RivalResult,
)
from coffeert.lab.rivals.rival import Rival, RivalSender

_COLD_START_TIMEOUT_SECONDS = 60.0
_RECOVERY_TIMEOUT_SECONDS = 45.0
_KILL_SILENCE_SECONDS = 1.0
_AFTERMATH_SECONDS = 0.2  # in which what a killed part had done may still be counted
_CLOSED_LOOP_ORDERS_PER_SECOND = 60_000
_KEPT_UP_SHARE = 0.99
_KEPT_UP_MS = 1_000.0
_KILL_RATE, _LATE_RATE, _LATE_SHARE = 500.0, 500.0, 0.1


class RivalFailed(CoffeertError):
    """A rival did not start, or counted nothing."""


class RivalSizes(msgspec.Struct, frozen=True):
    """Durations in seconds: of each rate, of the closed loop, and before and after a kill.

    `max_unseen`: the orders of the closed loop that are not counted yet.
    """

    seconds: float
    maximum_seconds: float
    kill_seconds: float
    max_unseen: int


FULL = RivalSizes(8.0, 8.0, 2.0, 10_000)
QUICK = RivalSizes(3.0, 3.0, 1.0, 10_000)
TINY = RivalSizes(0.5, 0.5, 0.3, 500)


class _Running(NamedTuple):
    """A rival that has counted its first order, `cold_start` seconds after its start."""

    rival: Rival
    sender: RivalSender
    reader: CountReader
    cold_start: float


async def measure_rival(
    rival: Rival, sizes: RivalSizes, seed: int, show_progress: Callable[[str], None]
) -> RivalResult:
    """Measure a rival; one that fails is reported as skipped.

    How fast it is and whether it counts right are measured from a start of their own each: a log that has
    grown makes some slow, and a backlog would be counted amid the late orders.
    """
    if reason := rival.missing():
        return RivalResult(name=rival.name, skipped=reason)

    def show(phase: str) -> None:
        show_progress(f"{rival.name}: {phase}")

    try:
        async with _running(rival, seed, show) as running:
            result = await _measure_speed(running, sizes, seed, show)
        async with _running(rival, seed, show) as running:
            show("late orders")
            late = await _late(running, sizes, seed)
            kills = []
            for part in rival.parts:
                show(f"kill -9 of the {part}")
                kills.append(await _kill(running, part, sizes, seed))
    except (CoffeertError, TimeoutError, OSError) as error:
        reason = str(error) or "it did not start in time"
        return RivalResult(name=rival.name, skipped=f"failed: {reason}")
    return replace(result, late=late, kills=tuple(kills))


@asynccontextmanager
async def _running(
    rival: Rival, seed: int, show: Callable[[str], None]
) -> AsyncGenerator[_Running, None]:
    """Start a rival in a directory of its own; it ends with the block. Raises `OSError` and others."""
    directory = _new_directory()
    try:
        async with count_reader() as reader:
            try:
                await rival.prepare(directory)
                show("cold start")
                began = time.monotonic()
                await rival.start(directory, reader)
                sender = rival.sender()
                await sender.open()
                try:
                    await _count_first(sender, reader, seed)
                    yield _Running(rival, sender, reader, round(time.monotonic() - began, 2))
                finally:
                    await sender.close()
            finally:
                await rival.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="coffeert-rival-"))
    directory.chmod(0o711)  # embedded servers of root have another user
    return directory


async def _count_first(sender: RivalSender, reader: CountReader, seed: int) -> None:
    sender.send(make_orders(1, seed)[0])
    waiting = asyncio.create_task(reader.reached(1, _COLD_START_TIMEOUT_SECONDS), name="first")
    while not waiting.done():
        sender.poll()
        await asyncio.sleep(0.001)
    if not await waiting:
        raise RivalFailed("it counted nothing within a minute of its start")


async def _measure_speed(
    running: _Running, sizes: RivalSizes, seed: int, show: Callable[[str], None]
) -> RivalResult:
    rival, sender, reader, cold_start = running
    result = RivalResult(
        name=rival.name, version=rival.version, durable=rival.durable, note=rival.note,
        cold_start=cold_start,
    )  # fmt: skip
    sent = 1 + (await open_loop(sender, reader, 200, sizes.seconds / 4, seed)).sent
    for rate in RATES:
        if not await backlog_ended(sender, reader, sent):
            return result
        show(f"{rate:,}/s")
        loading = asyncio.create_task(
            open_loop(sender, reader, rate, sizes.seconds, seed), name="load"
        )
        await asyncio.wait([loading], timeout=sizes.seconds / 2)
        found = rival.processes()
        memory = await asyncio.to_thread(_memory_mib, found)
        load = await loading
        sent += load.sent
        reached = load.counted >= _KEPT_UP_SHARE * load.sent and load.p99 <= _KEPT_UP_MS
        delay = RivalDelay(rate, round(load.p50, 1), round(load.p99, 1), reached)
        result = replace(
            result, delays=(*result.delays, delay), memory_mib=round(memory, 1), processes=len(found)
        )  # fmt: skip
    if not await backlog_ended(sender, reader, sent):
        return result
    show("maximum")
    orders = make_orders(int(_CLOSED_LOOP_ORDERS_PER_SECOND * sizes.maximum_seconds), seed)
    most = await closed_loop(sender, reader, orders, sizes.maximum_seconds, sizes.max_unseen)
    return replace(result, maximum=round(most.counted / most.elapsed) if most.elapsed else 0.0)


async def _late(running: _Running, sizes: RivalSizes, seed: int) -> LateOutcome:
    rival, sender, reader, _ = running
    before = await rival.counts() or reader.latest
    load = await open_loop(sender, reader, _LATE_RATE, sizes.seconds, seed, late=_LATE_SHARE)
    after = await rival.counts() or reader.latest
    minutes, hours, days = (late - early for late, early in zip(after, before, strict=True))
    return LateOutcome(load.sent, round(load.sent * _LATE_SHARE), minutes, hours, days)


async def _kill(running: _Running, part: str, sizes: RivalSizes, seed: int) -> KillOutcome:
    """Kill a part amid a stream; the count is that at the end, so it may fall below what it was."""
    rival, sender, reader, _ = running
    before, acknowledged = reader.latest, sender.acknowledged
    loading = asyncio.create_task(
        open_loop(
            sender, reader, _KILL_RATE, 2 * sizes.kill_seconds, seed, silence=_KILL_SILENCE_SECONDS
        ),
        name="load",
    )
    await asyncio.sleep(sizes.kill_seconds)
    killed = time.monotonic()
    await rival.kill(part)
    load = await loading
    await _send_until_counted(sender, reader, killed + _AFTERMATH_SECONDS, seed)
    made = sender.acknowledged - acknowledged
    await reader.reached(min(before) + made, _RECOVERY_TIMEOUT_SECONDS - load.elapsed)
    back = (reader.longest_pause_end(killed) or time.monotonic()) - killed
    return KillOutcome(part, made, reader.latest.days - before.days, round(back, 1))


async def _send_until_counted(
    sender: RivalSender, reader: CountReader, since: float, seed: int
) -> None:
    """Send orders, ten a second, until one is counted after a moment: those before may all be refused."""
    give_up = time.monotonic() + _RECOVERY_TIMEOUT_SECONDS
    while reader.longest_pause_end(since) is None and time.monotonic() < give_up:
        await open_loop(sender, reader, 100, 0.1, seed, silence=0.1)
    await open_loop(sender, reader, 100, 0.1, seed)  # what still waits comes before


def _memory_mib(processes: list[psutil.Process]) -> float:
    """Return the proportional set size of processes, so that what they share counts once."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.Error, AttributeError):  # macOS has no PSS
            continue
    return total / 2**20
