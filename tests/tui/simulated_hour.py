"""The dashboard's memory over a simulated hour: `python -m tests.tui.simulated_hour`.

The scripted shop of the tests sells to a dashboard without a terminal, four frames are drawn for each
second of its clock, and keys are pressed. An hour takes some minutes. Beside the resident memory the
table shows the blocks in use of Python's allocator and the MiB in use of the C library's.
`coffeert.lab.terminal_memory` measures a real hour in a pseudo-terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import itertools
import multiprocessing
import os
import sys
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import datetime

from textual.drivers.headless_driver import HeadlessDriver

from coffeert.lab.terminal import resident_mib
from coffeert.lab.terminal_memory import KEYS
from coffeert.tui.app import CoffeertApp
from coffeert.tui.textual_workarounds import release_memory
from coffeert.wire.frames import Snapshot, columns, decode_snapshot, encode
from tests.tui.conftest import Harness
from tests.tui.scripted import NOON, FakeClock, House, ScriptedArchive, ScriptedFeed

_FRAMES_PER_SECOND = 4
_ORDERS_PER_FRAME = 6


class RemoteArchive(ScriptedArchive):
    """Makes snapshots of the past in another process: the memory that takes is the server's."""

    def __init__(self, house: House, executor: Executor) -> None:
        super().__init__(house)
        self._executor = executor

    async def dashboard(self, at: datetime | None = None) -> Snapshot:
        loop = asyncio.get_running_loop()
        return decode_snapshot(await loop.run_in_executor(self._executor, _encoded_past, at))


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    ]  # fmt: skip


def _encoded_past(at: datetime | None) -> bytes:
    past = House(11, now=at or NOON, busy=25).view
    totals, top = past.cube.totals(), past.cube.top_drinks()
    return encode(Snapshot(epoch="past", version=0, view=columns(past.as_change(), totals, top)))


async def simulate(minutes: int, every: int, executor: Executor) -> None:
    """Show so many minutes, with a key every `every` seconds; print the memory each two minutes."""
    # Frames are put together as for a terminal, and then dropped.
    never = property(lambda _: False)
    HeadlessDriver.is_headless = never  # type: ignore[method-assign, assignment] # it has no setter
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Mallinfo
    house, clock, feed = House(busy=25), FakeClock(), ScriptedFeed()
    archive = RemoteArchive(house, executor)
    app = CoffeertApp(feed, archive, url="http://127.0.0.1:1", clock=clock)
    keys = itertools.cycle(KEYS)
    print("| minute | blocks in use | MiB of malloc in use | MiB resident |\n|---|---|---|---|")
    async with app.run_test(size=(120, 40)) as pilot:
        harness = Harness(app, pilot, feed, archive, house, clock)
        await harness.open()
        for frame in range(minutes * 60 * _FRAMES_PER_SECOND + 1):
            clock.pass_time(1 / _FRAMES_PER_SECOND)
            for _ in range(_ORDERS_PER_FRAME):
                feed.put(house.sell(clock.now(), 1, clock.monotonic()))
            if frame % _FRAMES_PER_SECOND == 0:
                feed.put(house.beat(clock.now()))
            while not feed.drained:
                await asyncio.sleep(0)
            harness.dashboard.tick()
            await asyncio.sleep(0)
            if (frame + 1) % (every * _FRAMES_PER_SECOND) == 0:
                await harness.press(*next(keys))
            if frame % (60 * _FRAMES_PER_SECOND) == 0:
                release_memory()  # once a minute; the dashboard's own timer follows the real clock
            if frame % (120 * _FRAMES_PER_SECOND) == 0:
                gc.collect()
                in_use, minute = (
                    library.mallinfo2().uordblks / 2**20,
                    frame // 60 // _FRAMES_PER_SECOND,
                )
                row = (minute, sys.getallocatedblocks(), in_use, resident_mib(os.getpid()))
                print("| {} | {:,} | {:.1f} | {:.1f} |".format(*row), file=sys.__stdout__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--every", type=int, default=20, help="seconds between two keys")
    options = parser.parse_args()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        asyncio.run(simulate(options.minutes, options.every, executor))


if __name__ == "__main__":
    main()
