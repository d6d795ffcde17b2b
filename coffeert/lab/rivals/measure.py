"""One rival, measured: cold start, delays, maximum, memory, what a `kill -9` does, late orders."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

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


async def measure_rival(
    rival: Rival, sizes: RivalSizes, seed: int, show_progress: Callable[[str], None]
) -> RivalResult:
    """Measure a rival in a directory of its own; one that fails is reported as skipped."""
    if reason := rival.missing():
        return RivalResult(name=rival.name, skipped=reason)
    directory = _new_directory()
    try:
        async with count_reader() as reader:
            try:
                await rival.prepare(directory)
                began = time.monotonic()
                await rival.start(directory, reader)
                sender = rival.sender()
                await sender.open()
                try:
                    return await _measure(rival, sender, reader, sizes, seed, began, show_progress)
                finally:
                    await sender.close()
            except (CoffeertError, TimeoutError, OSError) as error:
                return RivalResult(
                    name=rival.name, skipped=f"failed: {str(error) or 'it did not start in time'}"
                )
            finally:
                await rival.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="coffeert-rival-"))
    directory.chmod(0o711)  # embedded servers of root have another user
    return directory


async def _measure(
    rival: Rival, sender: RivalSender, reader: CountReader, sizes: RivalSizes, seed: int, began: float,
    show_progress: Callable[[str], None],
) -> RivalResult:  # fmt: skip
    show_progress(f"{rival.name}: cold start")
    sender.send(make_orders(1, seed)[0])
    waiting = asyncio.create_task(reader.reached(1, _COLD_START_TIMEOUT_SECONDS), name="first")
    while not waiting.done():
        sender.poll()
        await asyncio.sleep(0.001)
    if not await waiting:
        raise RivalFailed("it counted nothing within a minute of its start")
    cold_start = time.monotonic() - began
    delays, memory, processes = [], 0.0, 0
    sent = 1 + (await open_loop(sender, reader, 200, sizes.seconds / 4, seed)).sent
    for rate in RATES:
        show_progress(f"{rival.name}: {rate:,}/s")
        running = asyncio.create_task(
            open_loop(sender, reader, rate, sizes.seconds, seed), name="load"
        )
        await asyncio.wait([running], timeout=sizes.seconds / 2)
        found = rival.processes()
        memory, processes = await asyncio.to_thread(_memory_mib, found), len(found)
        load = await running
        sent += load.sent
        reached = load.counted >= _KEPT_UP_SHARE * load.sent and load.p99 <= _KEPT_UP_MS
        delays.append(RivalDelay(rate, round(load.p50, 1), round(load.p99, 1), reached))
    result = RivalResult(
        name=rival.name, version=rival.version, durable=rival.durable, note=rival.note,
        delays=tuple(delays), memory_mib=round(memory, 1), cold_start=round(cold_start, 2),
        processes=processes,
    )  # fmt: skip
    if not await backlog_ended(sender, reader, sent):
        return result
    show_progress(f"{rival.name}: maximum")
    orders = make_orders(int(_CLOSED_LOOP_ORDERS_PER_SECOND * sizes.maximum_seconds), seed)
    most = await closed_loop(sender, reader, orders, sizes.maximum_seconds, sizes.max_unseen)
    result = replace(result, maximum=round(most.counted / most.elapsed) if most.elapsed else 0.0)
    if not await backlog_ended(sender, reader, sent + most.sent):
        return result
    show_progress(f"{rival.name}: late orders")
    late = await _late(rival, sender, reader, sizes, seed)
    kills = []
    for part in rival.parts:
        show_progress(f"{rival.name}: kill -9 of the {part}")
        kills.append(await _kill(rival, part, sender, reader, sizes, seed))
    return replace(result, late=late, kills=tuple(kills))


async def _late(
    rival: Rival, sender: RivalSender, reader: CountReader, sizes: RivalSizes, seed: int
) -> LateOutcome:
    before = await rival.counts() or reader.latest
    load = await open_loop(sender, reader, _LATE_RATE, sizes.seconds, seed, late=_LATE_SHARE)
    after = await rival.counts() or reader.latest
    minutes, hours, days = (late - early for late, early in zip(after, before, strict=True))
    return LateOutcome(load.sent, round(load.sent * _LATE_SHARE), minutes, hours, days)


async def _kill(
    rival: Rival, part: str, sender: RivalSender, reader: CountReader, sizes: RivalSizes, seed: int
) -> KillOutcome:
    """Kill a part amid a stream; the count is that at the end, so it may fall below what it was."""
    before, acknowledged = reader.latest, sender.acknowledged
    running = asyncio.create_task(
        open_loop(
            sender, reader, _KILL_RATE, 2 * sizes.kill_seconds, seed, silence=_KILL_SILENCE_SECONDS
        ),
        name="load",
    )
    await asyncio.sleep(sizes.kill_seconds)
    killed = time.monotonic()
    await rival.kill(part)
    load = await running
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
