# ruff: noqa: S603, T201 (it runs a program, and prints what it measured)
"""Whether the terminal dashboard's memory grows in an hour of use.

Run from the repository's root, in one of two ways:

`python -m coffeert.lab.terminal_memory use --out DIRECTORY`: a demo (server, a month of history, live
orders) runs beside two dashboards, each in a pseudo-terminal and used now and then. One is as installed
and keeps on disk everything it receives; one may keep so little that it discards the oldest before the
warm-up is over. Growth of either after that is a leak.

`python -m coffeert.lab.terminal_memory simulate`: the tests' scripted shop sells to a dashboard without a
terminal, four frames are drawn for each second of its clock, and keys are pressed. An hour takes some
minutes. Beside the resident memory the table shows the blocks in use of Python's allocator and the MiB in
use of the C library's.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import ctypes
import gc
import itertools
import math
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import coffeert
from coffeert.lab.terminal import PseudoTerminal, pseudo_terminal, resident_mib
from coffeert.tui.history.rewind_buffer import TAPE_BYTES

if TYPE_CHECKING:
    from coffeert.wire.frames import Snapshot

_SAMPLE_SECONDS = 10.0
_START_TIMEOUT_SECONDS = 180.0
_SEGMENTS = 6
_STUDENT_T = 2.776  # the 97.5th percentile of Student's t with 4 degrees of freedom
_FRAMES_PER_SECOND = 4
_ORDERS_PER_FRAME = 6
_BYTES = {
    "up": b"\x1b[A", "down": b"\x1b[B", "end": b"\x1b[F", "escape": b"\x1b", "enter": b"\r",
    "backspace": b"\x7f", "slash": b"/", "space": b" ", "question_mark": b"?",
    "left_square_bracket": b"[", "right_square_bracket": b"]", "left_curly_bracket": b"{",
}  # fmt: skip
KEYS: Sequence[Sequence[str]] = (
    *("t", "t", "T", "m", "2", ["down", "down"], "3", "4", "5", "1"),
    ["slash", *"store:uptown", "enter"],
    *(["left_square_bracket"], ["left_curly_bracket"] * 2, ["right_square_bracket"], ["end"]),
    ["slash", *["backspace"] * 12, "enter"],
    *(["space"], ["space"], ["question_mark"], ["escape"], "t", "t", "t", "t", ["up"]),
)
"""What is pressed in turn, by Textual's names: ranges, screens, a filter, rewinding, freezing, help."""


@dataclass
class SampledDashboard:
    """A dashboard and its memory over time."""

    name: str
    shown: PseudoTerminal
    seconds: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)

    def sample(self, at: float) -> None:
        self.seconds.append(at)
        self.mib.append(self.shown.memory_mib())

    def row(self, warm_up: float) -> str:
        """Return the table row of the memory after the warm-up."""
        warm = [(s, m) for s, m in zip(self.seconds, self.mib, strict=True) if s >= warm_up]
        seconds, mib = [s for s, _ in warm], [m for _, m in warm]
        slope = statistics.linear_regression(seconds, mib).slope * 3600
        part = max(1, min(30, len(mib) // 4))  # 30 samples are 5 minutes
        first, last = statistics.median(mib[:part]), statistics.median(mib[-part:])
        return (
            f"| {self.name} | {self.mib[0]:.1f} | {first:.1f} | {last:.1f} | {max(mib):.1f} "
            f"| {slope:+.2f} | {_slope_with_error(self.seconds, self.mib)} |"
        )


def _slope_with_error(seconds: Sequence[float], mib: Sequence[float]) -> str:
    """Return the slope of the last half in MiB/h, with its 95 % confidence interval.

    Neighbouring samples are correlated, so the line is fitted to the means of six segments.
    """
    half = len(mib) - len(mib) // 2
    if len(mib) - half < 2 * _SEGMENTS:
        return "too short"
    size = (len(mib) - half) // _SEGMENTS
    starts = [len(mib) - size * (n + 1) for n in reversed(range(_SEGMENTS))]
    x = [statistics.fmean(seconds[start : start + size]) for start in starts]
    y = [statistics.fmean(mib[start : start + size]) for start in starts]
    slope, intercept = statistics.linear_regression(x, y)
    residuals = sum((b - slope * a - intercept) ** 2 for a, b in zip(x, y, strict=True))
    error = math.sqrt(residuals / (_SEGMENTS - 2) / (statistics.pvariance(x) * _SEGMENTS))
    return f"{slope * 3600:+.2f} ± {_STUDENT_T * error * 3600:.2f}"


@contextmanager
def demo(directory: Path, rate: float) -> Iterator[str]:
    """Run the demo without a screen; yield its server's address."""
    command = [
        sys.executable, "-m", "coffeert", "demo", "--headless", "--rate", str(rate),
        "--data-dir", str(directory / "data"),
    ]  # fmt: skip
    path = directory / "demo.out"
    with path.open("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            yield _wait_for_address(process, path)
        finally:
            process.terminate()
            process.wait(60)


def _wait_for_address(process: subprocess.Popen[bytes], output: Path) -> str:
    end = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"Live at (http://\S+);", output.read_text()):
            return found[1]
        time.sleep(0.2)
    raise RuntimeError(f"the demo did not start; see {output}")


def use_dashboards(
    dashboards: Sequence[SampledDashboard], seconds: float, every: float, out: Path
) -> None:
    """Press keys and sample the dashboards' memory into a CSV file."""
    began = time.monotonic()
    keys = itertools.cycle(KEYS)
    sample_at, press_at = _SAMPLE_SECONDS, every
    with (out / "memory.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["seconds", *(d.name for d in dashboards)])
        while (now := time.monotonic() - began) < seconds:
            for each in dashboards:
                each.shown.drain(0.25)
            if now >= press_at:
                press_at += every
                # One by one: in a burst the next key would arrive before the filter that it is for.
                for key in next(keys):
                    for each in dashboards:
                        each.shown.press(_BYTES.get(key) or key.encode())
                        each.shown.drain(0.1)
            if now >= sample_at:
                sample_at += _SAMPLE_SECONDS
                for each in dashboards:
                    each.sample(now)
                rows.writerow([f"{now:.0f}", *(f"{d.mib[-1]:.2f}" for d in dashboards)])
                file.flush()


def use(options: argparse.Namespace) -> None:
    """Measure two dashboards in use, and print a table."""
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    settings = out / "small.toml"
    settings.write_text(f"[rewind]\nmib = {options.rewind}\n")
    seconds = options.minutes * 60
    with ExitStack() as stack:
        url = stack.enter_context(demo(out.absolute(), options.rate))
        large, small = (), ("--settings", str(settings))
        dashboards = [
            SampledDashboard(
                f"rewinding {mib} MiB", stack.enter_context(pseudo_terminal("--url", url, *more))
            )
            for mib, more in ((TAPE_BYTES >> 20, large), (options.rewind, small))
        ]
        for each in dashboards:
            each.shown.wait_for(b"uptown")
        use_dashboards(dashboards, seconds, options.every, out)
        cpu = ", ".join(f"{d.shown.cpu_seconds() / seconds:.1%}" for d in dashboards)
    warm_up = min(options.warm_up, options.minutes / 2) * 60
    print(
        f"{options.minutes:.0f} min of {options.rate:.0f} orders/s, a key every {options.every:.0f} s;"
    )
    print(f"MiB resident; slope by least squares after the first {warm_up / 60:.1f} min;")
    print(f"processor {cpu} of a core; {Path(coffeert.__file__).parent}")
    print()
    print(
        "| dashboard | first | median after warm-up | median at the end | most | slope, MiB/h "
        "| slope of the last half |"
    )
    print("|---|---|---|---|---|---|---|")
    for each in dashboards:
        print(each.row(warm_up))


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    ]  # fmt: skip


def _encoded_past(at: datetime | None) -> bytes:
    from coffeert.wire.frames import Snapshot, columns, encode
    from tests.tui.scripted import NOON, House  # only in a checkout

    past = House(11, now=at or NOON, busy=25).view
    totals, top = past.cube.totals(), past.cube.top_drinks()
    return encode(Snapshot(epoch="past", version=0, view=columns(past.as_change(), totals, top)))


async def simulate_hour(minutes: int, every: int, rewind_mib: int) -> None:
    """Show so many minutes, with a key every `every` seconds; print the memory each two minutes."""
    from textual.drivers.headless_driver import HeadlessDriver

    from coffeert.tui.app import CoffeertApp
    from coffeert.tui.settings import Settings
    from coffeert.wire.frames import decode_snapshot
    from tests.tui.conftest import Stage  # only in a checkout
    from tests.tui.scripted import FakeClock, House, ScriptedArchive, ScriptedFeed

    class RemoteArchive(ScriptedArchive):
        """Makes snapshots of the past in another process: the memory that takes is the server's."""

        async def dashboard(self, at: datetime | None = None) -> Snapshot:
            loop = asyncio.get_running_loop()
            return decode_snapshot(await loop.run_in_executor(pool, _encoded_past, at))

    # Frames are put together as for a terminal, and then dropped.
    never = property(lambda _: False)
    HeadlessDriver.is_headless = never  # type: ignore[method-assign, assignment] # it has no setter
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Mallinfo
    house, clock, feed = House(busy=25), FakeClock(), ScriptedFeed()
    archive, settings = RemoteArchive(house), Settings(rewind_bytes=rewind_mib << 20)
    app = CoffeertApp(feed, archive, url="http://127.0.0.1:1", clock=clock, settings=settings)
    keys = itertools.cycle(KEYS)
    rows = []
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        async with app.run_test(size=(120, 40)) as pilot:
            stage = Stage(app, pilot, feed, archive, house, clock)
            await stage.open()
            for frame in range(minutes * 60 * _FRAMES_PER_SECOND + 1):
                clock.pass_time(1 / _FRAMES_PER_SECOND)
                for _ in range(_ORDERS_PER_FRAME):
                    feed.put(house.sell(clock.now(), 1, clock.monotonic()))
                if frame % _FRAMES_PER_SECOND == 0:
                    feed.put(house.beat(clock.now()))
                while not feed.drained:  # noqa: ASYNC110 (it is a test's feed, without an event)
                    await asyncio.sleep(0)
                stage.dashboard.tick()
                await asyncio.sleep(0)
                if (frame + 1) % (every * _FRAMES_PER_SECOND) == 0:
                    await stage.press(*next(keys))
                if frame % (60 * _FRAMES_PER_SECOND) == 0:
                    app.tidy_up()  # once a minute; the dashboard's own timer follows the real clock
                if frame % (120 * _FRAMES_PER_SECOND) == 0:
                    gc.collect()
                    in_use = library.mallinfo2().uordblks / 2**20
                    minute = frame // 60 // _FRAMES_PER_SECOND
                    rows.append(
                        (minute, sys.getallocatedblocks(), in_use, resident_mib(os.getpid()))
                    )
    print("| minute | blocks in use | MiB of malloc in use | MiB resident |\n|---|---|---|---|")
    for minute, blocks, in_use, resident in rows:
        print(f"| {minute} | {blocks:,} | {in_use:.1f} | {resident:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ways = parser.add_subparsers(required=True, dest="way")
    used, simulated = ways.add_parser("use"), ways.add_parser("simulate")
    used.add_argument("--minutes", type=float, default=60)
    used.add_argument("--rate", type=float, default=25, help="orders a second")
    used.add_argument("--warm-up", type=float, default=10, help="minutes")
    used.add_argument("--out", type=Path, required=True, help="directory for the samples")
    simulated.add_argument("--minutes", type=int, default=60)
    for each, seconds, dashboard in ((used, 15, "the second"), (simulated, 20, "the")):
        each.add_argument("--every", type=int, default=seconds, help="seconds between two keys")
        help_text = f"MiB that {dashboard} dashboard may keep for rewinding"
        each.add_argument("--rewind", type=int, default=1, help=help_text)
    options = parser.parse_args()
    if options.way == "use":
        use(options)
    else:
        asyncio.run(simulate_hour(options.minutes, options.every, options.rewind))


if __name__ == "__main__":
    main()
