# ruff: noqa: T201 (it prints what it measured)
"""Whether what the terminal dashboard keeps grows: an hour of frames in some minutes, seen from inside.

Run from the repository's root: `python -m benchmarks.simulated_hour`. A made-up house sells 25 orders a
second to a dashboard without a terminal, four frames are drawn for each second that passes on its clock,
and a key of `benchmarks.memory` is pressed every so often. Beside the resident memory stands what is in
use of it: blocks of Python's allocator, and MiB of the C library's.
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
from pathlib import Path

from textual.drivers.headless_driver import HeadlessDriver

from coffeert.tui.app import CoffeertApp
from coffeert.tui.settings import Settings
from coffeert.tui.textual_workarounds import release_memory
from coffeert.wire.frames import Snapshot, columns, decode_snapshot, encode
from tests.tui.conftest import Harness
from tests.tui.scripted import NOON, FakeClock, House, ScriptedArchive, ScriptedFeed

FRAMES_S = 4
ORDERS_A_FRAME = 6
KEYS = (
    *(["t"], ["t"], ["T"], ["m"], ["2"], ["down", "down"], ["3"], ["4"], ["5"], ["1"]),
    ["slash", *"store:uptown", "enter"],
    *(["left_square_bracket"], ["left_curly_bracket"] * 2, ["right_square_bracket"], ["end"]),
    ["slash", *["backspace"] * 12, "enter"],
    *(["space"], ["space"], ["question_mark"], ["escape"], ["t"], ["t"], ["t"], ["t"], ["up"]),
)
_FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS.split()]


class _DistantArchive(ScriptedArchive):
    """Makes the past in another process: what it takes to make it is the server's memory."""

    def __init__(self, house: House, elsewhere: Executor) -> None:
        super().__init__(house)
        self._elsewhere = elsewhere

    async def dashboard(self, at: datetime | None = None) -> Snapshot:
        """Return the view at a moment, as it is read from the wire."""
        loop = asyncio.get_running_loop()
        return decode_snapshot(await loop.run_in_executor(self._elsewhere, _packed, at or NOON))


def _packed(at: datetime) -> bytes:
    past = House(11, now=at, busy=25).view
    totals, top = past.picture.totals(), past.picture.top_drinks()
    return encode(Snapshot(epoch="past", version=0, view=columns(past.as_change(), totals, top)))


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def run(minutes: int, every: int, rewind: int, elsewhere: Executor) -> None:
    """Show so many minutes, with a key every `every` seconds, and print the memory each two minutes.

    `rewind` is in MiB.
    """
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Mallinfo
    house, clock = House(busy=25), FakeClock()
    feed, archive = ScriptedFeed(), _DistantArchive(house, elsewhere)
    settings = Settings(rewind_bytes=rewind << 20)
    app = CoffeertApp(feed, archive, url="http://127.0.0.1:1", clock=clock, settings=settings)
    keys = itertools.cycle(KEYS)
    report = []
    async with app.run_test(size=(120, 40)) as pilot:
        harness = Harness(app, pilot, feed, archive, house, clock)
        await harness.open()
        for frame in range(minutes * 60 * FRAMES_S + 1):
            clock.pass_time(1 / FRAMES_S)
            for _ in range(ORDERS_A_FRAME):
                feed.put(house.sell(clock.now(), 1, clock.monotonic()))
            if frame % FRAMES_S == 0:
                feed.put(house.beat(clock.now()))
            while not feed.drained:  # noqa: ASYNC110 (it is a test's feed, without an event)
                await asyncio.sleep(0)
            harness.dashboard.tick()
            await asyncio.sleep(0)
            if (frame + 1) % (every * FRAMES_S) == 0:
                await harness.press(*next(keys))
            if frame % (60 * FRAMES_S) == 0:
                release_memory()  # once a minute, and the dashboard's own timer goes by real ones
            if frame % (120 * FRAMES_S) == 0:
                gc.collect()
                in_use = library.mallinfo2().uordblks / 2**20
                blocks = sys.getallocatedblocks()
                report.append((frame // 60 // FRAMES_S, blocks, in_use, _resident()))
    print("| minute | blocks in use | MiB of malloc in use | MiB resident |\n|---|---|---|---|")
    for minute, blocks, in_use, resident in report:
        print(f"| {minute} | {blocks:,} | {in_use:.1f} | {resident:.1f} |")


def main() -> None:
    """Read the arguments, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--every", type=int, default=20, help="seconds between two keys")
    parser.add_argument("--rewind", type=int, default=1, help="MiB for rewinding")
    options = parser.parse_args()
    # Frames are put together as for a terminal, and then dropped.
    never = property(lambda _: False)
    HeadlessDriver.is_headless = never  # type: ignore[method-assign, assignment] # it has no setter
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as elsewhere:
        asyncio.run(run(options.minutes, options.every, options.rewind, elsewhere))


if __name__ == "__main__":
    main()
