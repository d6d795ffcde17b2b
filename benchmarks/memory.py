# ruff: noqa: S603, T201 (it runs a program, and prints what it measured)
"""Whether the terminal dashboard's memory grows in an hour of use.

Run from the repository's root: `python -m benchmarks.memory --minutes 60 --out DIRECTORY`. A demo (server,
a month of history, live orders) runs beside two dashboards, each in a pseudo-terminal and used now and
then: one as it is installed, which remembers on disk all that it hears, and one that may remember so
little that it lets go of the oldest before the warm-up is over. What either gains after that is a leak.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import coffeert
from benchmarks.terminal import Terminal, terminal
from coffeert.tui.history.rewind_buffer import MAX_BUFFER_BYTES

SAMPLE_S = 10.0
WARM_UP_S = 600.0
USE_S = 15.0
_SMALL_MIB = 1
_STRETCHES = 6
_STUDENT = 2.776  # the 97.5th percentile of Student's t with 4 degrees of freedom
_UP, _DOWN = b"\x1b[A", b"\x1b[B"
USE: Sequence[bytes] = (
    *(b"t", b"t", b"T", b"m"),
    *(b"2", _DOWN, _DOWN, b"3", b"4", b"5", b"1"),
    b"/store:uptown\r",
    b"[",
    b"{{",
    b"]",
    b"\x1b[F",
    b"/" + b"\x7f" * 12 + b"\r",
    *(b" ", b" ", b"?", b"\x1b", b"t", b"t", b"t", b"t", _UP),
)
"""What is pressed, one after another: ranges, screens, a filter, rewinding, freezing, help."""


@dataclass
class Watched:
    """A dashboard, and its memory over time."""

    name: str
    shown: Terminal
    seconds: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)

    def sample(self, at: float) -> None:
        """Look at the memory."""
        self.seconds.append(at)
        self.mib.append(self.shown.memory())

    def summary(self, warm_up: float) -> str:
        """Say how the memory moved after the warm-up."""
        warm = [(s, m) for s, m in zip(self.seconds, self.mib, strict=True) if s >= warm_up]
        seconds, mib = [s for s, _ in warm], [m for _, m in warm]
        slope = statistics.linear_regression(seconds, mib).slope * 3600
        part = max(1, min(30, len(mib) // 4))  # 30 samples are 5 minutes
        first, last = statistics.median(mib[:part]), statistics.median(mib[-part:])
        return (
            f"| {self.name} | {self.mib[0]:.1f} | {first:.1f} | {last:.1f} | {max(mib):.1f} "
            f"| {slope:+.2f} | {_with_spread(self.seconds, self.mib)} |"
        )


def _with_spread(seconds: Sequence[float], mib: Sequence[float]) -> str:
    """Return the slope of the last half, MiB/h, and what it is known to with 95 % confidence.

    Neighbouring samples say nearly the same, so the line goes through the means of six stretches.
    """
    half = len(mib) - len(mib) // 2
    if len(mib) - half < 2 * _STRETCHES:
        return "too short"
    size = (len(mib) - half) // _STRETCHES
    starts = [len(mib) - size * (n + 1) for n in reversed(range(_STRETCHES))]
    x = [statistics.fmean(seconds[start : start + size]) for start in starts]
    y = [statistics.fmean(mib[start : start + size]) for start in starts]
    slope, intercept = statistics.linear_regression(x, y)
    rest = sum((b - slope * a - intercept) ** 2 for a, b in zip(x, y, strict=True))
    spread = math.sqrt(rest / (_STRETCHES - 2) / (statistics.pvariance(x) * _STRETCHES))
    return f"{slope * 3600:+.2f} ± {_STUDENT * spread * 3600:.2f}"


@contextmanager
def demo(directory: Path, rate: float) -> Iterator[str]:
    """Run the demo without a screen; yield its server's address."""
    words = [sys.executable, "-m", "coffeert", "demo", "--headless", "--rate", str(rate)]
    with (directory / "demo.out").open("w+") as out:
        process = subprocess.Popen(
            [*words, "--data-dir", str(directory / "data")], stdout=out, stderr=out
        )
        try:
            yield _address(process, directory / "demo.out")
        finally:
            process.terminate()
            process.wait(60)


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    end = time.monotonic() + 180
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"Live at (http://\S+);", said.read_text()):
            return found[1]
        time.sleep(0.2)
    raise RuntimeError(f"the demo did not start; see {said}")


def typed(keys: bytes) -> Iterator[bytes]:
    """Yield keys one by one: in a burst the next would be there before the filter is that they are for."""
    if keys.startswith(b"\x1b"):
        yield keys
    else:
        yield from (bytes([key]) for key in keys)


def watch(dashboards: Sequence[Watched], seconds: float, every: float, out: Path) -> None:
    """Use the dashboards and sample their memory, into a CSV file."""
    began = time.monotonic()
    keys = itertools.cycle(USE)
    sample_at, use_at = SAMPLE_S, every
    with (out / "memory.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["seconds", *(d.name for d in dashboards)])
        while (now := time.monotonic() - began) < seconds:
            for each in dashboards:
                each.shown.drain(0.25)
            if now >= use_at:
                use_at += every
                pressed = next(keys)
                for key in typed(pressed):
                    for each in dashboards:
                        each.shown.press(key)
                        each.shown.drain(0.1)
            if now >= sample_at:
                sample_at += SAMPLE_S
                for each in dashboards:
                    each.sample(now)
                rows.writerow([f"{now:.0f}", *(f"{d.mib[-1]:.2f}" for d in dashboards)])
                file.flush()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=25, help="orders a second")
    parser.add_argument("--every", type=float, default=USE_S, help="seconds between two keys")
    parser.add_argument(
        "--small", type=int, default=_SMALL_MIB, help="MiB for rewinding of the second"
    )
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S / 60, help="minutes")
    parser.add_argument("--out", type=Path, required=True, help="where the samples go")
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    settings = out / "small.toml"
    settings.write_text(f"[rewind]\nmib = {options.small}\n")
    with ExitStack() as stack:
        url = stack.enter_context(demo(out.absolute(), options.rate))
        large, small = (), ("--settings", str(settings))
        dashboards = [
            Watched(f"rewinding {mib} MiB", stack.enter_context(terminal("--url", url, *more)))
            for mib, more in ((MAX_BUFFER_BYTES >> 20, large), (options.small, small))
        ]
        for each in dashboards:
            each.shown.wait_for(b"uptown")
        watch(dashboards, options.minutes * 60, options.every, out)
        used = [d.shown.processor() / (options.minutes * 60) for d in dashboards]
    warm_up = min(options.warm_up, options.minutes / 2) * 60
    used_text = ", ".join(f"{share:.1%}" for share in used)
    print(
        f"{options.minutes:.0f} min of {options.rate:.0f} orders/s, a key every {options.every:.0f} s;"
    )
    print(f"MiB resident; slope by least squares after the first {warm_up / 60:.1f} min;")
    print(f"processor {used_text} of a core; {Path(coffeert.__file__).parent}")
    print()
    print(
        "| dashboard | first | median after warm-up | median at the end | most | slope, MiB/h "
        "| slope of the last half |"
    )
    print("|---|---|---|---|---|---|---|")
    for each in dashboards:
        print(each.summary(warm_up))


if __name__ == "__main__":
    main()
