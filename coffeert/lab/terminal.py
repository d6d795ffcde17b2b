# ruff: noqa: S606, T201 (it runs a program, and prints what it measured)
"""What the terminal dashboard costs: first paint, processor, memory, and the delay of a key.

Run from the repository's root: `python -m coffeert.lab.terminal`. The dashboard runs as a user runs it,
in a pseudo-terminal of 120 by 40, and replays recordings made here, so no server takes part. The tests'
scripted shop makes the recordings; it is not part of an installed package.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from coffeert.client.events import FeedEvent
from coffeert.lab.resource_usage import cpu_seconds
from coffeert.tui.history.event_lines import FORMAT, StartLine, encode, line_of

MEASURED_SECONDS = 15.0


@dataclass
class PseudoTerminal:
    """A dashboard in a pseudo-terminal."""

    pid: int
    fd: int

    def wait_for(self, wanted: bytes, seconds: float = 20) -> float:
        """Read until some bytes have come; return the seconds that took. Raises `TimeoutError`."""
        began = time.perf_counter()
        seen = b""
        while wanted not in seen:
            left = seconds - (time.perf_counter() - began)
            if left <= 0:
                raise TimeoutError(f"{wanted!r} did not come in {seconds} s")
            seen = seen[-4096:] + self.read(left)
        return time.perf_counter() - began

    def read(self, seconds: float) -> bytes:
        """Return the next output, or nothing after some seconds."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        return os.read(self.fd, 65536) if ready else b""

    def press(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def drain(self, seconds: float) -> int:
        """Read for some time; return the number of bytes."""
        end = time.perf_counter() + seconds
        count = 0
        while (left := end - time.perf_counter()) > 0:
            count += len(self.read(left))
        return count

    def cpu_seconds(self) -> float:
        """Return the seconds of processor time used so far."""
        return cpu_seconds([psutil.Process(self.pid)])

    def memory_mib(self) -> float:
        return resident_mib(self.pid)


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


@contextmanager
def pseudo_terminal(*arguments: str) -> Iterator[PseudoTerminal]:
    """Run the dashboard in a pseudo-terminal of 120 by 40."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
        os.execv(sys.executable, [sys.executable, "-m", "coffeert", "tui", "--forget", *arguments])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    try:
        yield PseudoTerminal(pid, fd)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)


def record_shop(path: Path, frames_per_s: float, orders_per_frame: int, seconds: float) -> Path:
    """Write a recording of a shop that sells at a steady rate."""
    from tests.tui.scripted import NOON, House  # only in a checkout

    house = House(busy=1.0)
    with path.open("wb") as file:

        def write(event: FeedEvent, at: float) -> None:
            file.write(encode(line_of(event, at, 1000.0)) + b"\n")

        start = NOON.timestamp()
        file.write(encode(StartLine(at=start, format=FORMAT, server="benchmark")) + b"\n")
        for event in house.opening(NOON):
            write(event, start)
        for frame in range(int(frames_per_s * seconds)):
            now = NOON + timedelta(seconds=frame / frames_per_s)
            if orders_per_frame:
                write(house.sell(now, orders_per_frame), now.timestamp())
            if frame % max(1, int(frames_per_s)) == 0:
                write(house.beat(now), now.timestamp())
    return path


def first_paint_seconds() -> float:
    """Return the median seconds from the start of the process to the first text."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        with pseudo_terminal("--url", "http://127.0.0.1:9") as shown:
            shown.wait_for(b"coffeert")
            took.append(time.perf_counter() - began)
    return sorted(took)[2]


def measure_replay(path: Path) -> tuple[float, float, float]:
    """Return the share of a core, the growth of memory in MiB, and the bytes a second to the terminal."""
    with pseudo_terminal("--replay", str(path)) as shown:
        shown.wait_for(b"Takings")
        shown.drain(3)
        cpu, memory = shown.cpu_seconds(), shown.memory_mib()
        count = shown.drain(MEASURED_SECONDS)
        used = (shown.cpu_seconds() - cpu) / MEASURED_SECONDS
        return used, shown.memory_mib() - memory, count / MEASURED_SECONDS


def key_delay_p95(path: Path) -> float:
    """Return the 95th percentile of the seconds from a key to its letter, during a replay."""
    with pseudo_terminal("--replay", str(path)) as shown:
        shown.wait_for(b"Takings")
        shown.drain(2)
        shown.press(b"/")
        shown.drain(1)
        took = []
        for letter in b"zqxjkvwyzqxjkvwyzqxj":
            shown.press(bytes([letter]))
            took.append(shown.wait_for(bytes([letter])))
            shown.drain(0.2)
        return sorted(took)[int(len(took) * 0.95)]


def main() -> None:
    """Measure, and print a table beside the budget."""
    with tempfile.TemporaryDirectory() as directory:
        seconds = MEASURED_SECONDS + 10
        calm = record_shop(Path(directory, "calm"), 2, 5, seconds)
        rush = record_shop(Path(directory, "rush"), 50, 40, seconds)
        print("| | measured | budget |\n|---|---|---|")
        print(f"| first paint | {first_paint_seconds() * 1000:.0f} ms | 500 ms |")
        for path, load, budget in ((calm, "2 updates/s", "8%"), (rush, "2,000 orders/s", "12%")):
            cpu, grown, count = measure_replay(path)
            print(f"| processor, {load} | {cpu:.1%} of a core | {budget} |")
            print(f"| to the terminal, {load} | {count / 1024:.1f} KiB/s | |")
        print(f"| growth of memory in {MEASURED_SECONDS:.0f} s of it | {grown:.1f} MiB | |")
        print(f"| key to letter under it, p95 | {key_delay_p95(rush) * 1000:.0f} ms | 50 ms |")


if __name__ == "__main__":
    main()
