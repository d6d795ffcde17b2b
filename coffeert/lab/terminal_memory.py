# ruff: noqa: S603, T201 (it runs a program, and prints what it measured)
"""Whether the terminal dashboard's memory grows in an hour of use.

`python -m coffeert.lab.terminal_memory --out DIRECTORY`: a demo (server, a month of history, live orders)
runs beside a dashboard in a pseudo-terminal that is used now and then. Growth after the warm-up is a leak.
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
from coffeert.lab.terminal import PseudoTerminal, pseudo_terminal

_SAMPLE_SECONDS = 10.0
_START_TIMEOUT_SECONDS = 180.0
_SEGMENTS = 6
_STUDENT_T = 2.776  # the 97.5th percentile of Student's t with 4 degrees of freedom
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
    """Measure a dashboard in use, and print a table."""
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    seconds = options.minutes * 60
    with ExitStack() as stack:
        url = stack.enter_context(demo(out.absolute(), options.rate))
        shown = stack.enter_context(pseudo_terminal("--url", url))
        dashboards = [SampledDashboard("in use", shown)]
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=25, help="orders a second")
    parser.add_argument("--warm-up", type=float, default=10, help="minutes")
    parser.add_argument("--every", type=int, default=15, help="seconds between two keys")
    parser.add_argument("--out", type=Path, required=True, help="directory for the samples")
    use(parser.parse_args())


if __name__ == "__main__":
    main()
