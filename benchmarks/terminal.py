# ruff: noqa: S606, T201 (it runs a program, and prints what it measured)
"""What the terminal dashboard costs: first paint, processor, memory, and how soon a key shows.

Run from the repository's root: `python -m benchmarks.terminal`. The dashboard runs as a user runs it, in
a terminal of its own (120 by 40), and replays recordings made here, so no server takes part.
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

from coffeert.client.events import FeedEvent
from coffeert.tui.history.event_lines import FORMAT, StartLine, encode, line_of
from tests.tui.scripted import NOON, House

SECONDS = 15.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Terminal:
    """A dashboard in a terminal."""

    pid: int
    fd: int

    def wait_for(self, wanted: bytes, seconds: float = 20) -> float:
        """Read until some bytes have come; return how long that took, in seconds."""
        began = time.perf_counter()
        seen = b""
        while wanted not in seen:
            left = seconds - (time.perf_counter() - began)
            if left <= 0:
                raise TimeoutError(f"{wanted!r} did not come in {seconds} s")
            seen = seen[-4096:] + self.read(left)
        return time.perf_counter() - began

    def read(self, seconds: float) -> bytes:
        """Return what comes next, or nothing after some seconds."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        return os.read(self.fd, 65536) if ready else b""

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.fd, keys)

    def drain(self, seconds: float) -> int:
        """Read for some time; return how many bytes came."""
        end = time.perf_counter() + seconds
        count = 0
        while (left := end - time.perf_counter()) > 0:
            count += len(self.read(left))
        return count

    def processor(self) -> float:
        """Return the seconds of processor time used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Return the resident memory, in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    """Run `coffeert-tui` in a terminal of 120 by 40."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
        os.execv(sys.executable, [sys.executable, "-m", "coffeert", "tui", "--forget", *arguments])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    try:
        yield Terminal(pid, fd)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)


def recording(path: Path, frames_per_s: float, orders_per_frame: int, seconds: float) -> Path:
    """Write a recording of a house that sells at a steady rate."""
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


def first_paint() -> float:
    """Return the seconds from the start of the process to the first text."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        with terminal("--url", "http://127.0.0.1:9") as shown:
            shown.wait_for(b"coffeert")
            took.append(time.perf_counter() - began)
    return sorted(took)[2]


def load(path: Path) -> tuple[float, float, float]:
    """Return the share of a core, growth of memory in MiB, and bytes a second to the terminal."""
    with terminal("--replay", str(path)) as shown:
        shown.wait_for(b"uptown")
        shown.drain(3)
        cpu, memory = shown.processor(), shown.memory()
        count = shown.drain(SECONDS)
        used = (shown.processor() - cpu) / SECONDS
        return used, shown.memory() - memory, count / SECONDS


def echo(path: Path) -> float:
    """Return the 95th percentile of the seconds from a key to its letter, under load."""
    with terminal("--replay", str(path)) as shown:
        shown.wait_for(b"uptown")
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
    """Measure, and print beside the budget."""
    with tempfile.TemporaryDirectory() as directory:
        length = SECONDS + 10
        calm = recording(Path(directory, "calm"), 2, 5, length)
        rush = recording(Path(directory, "rush"), 50, 40, length)
        print("| | measured | budget |\n|---|---|---|")
        print(f"| first paint | {first_paint() * 1000:.0f} ms | 500 ms |")
        cpu, grown, count = load(calm)
        print(f"| processor, 2 updates/s | {cpu:.1%} of a core | 8% |")
        print(f"| to the terminal, 2 updates/s | {count / 1024:.1f} KiB/s | |")
        cpu, grown, count = load(rush)
        print(f"| processor, 2,000 orders/s | {cpu:.1%} of a core | 12% |")
        print(f"| to the terminal, 2,000 orders/s | {count / 1024:.1f} KiB/s | |")
        print(f"| memory grown in {SECONDS:.0f} s of it | {grown:.1f} MiB | |")
        print(f"| key to letter under it, p95 | {echo(rush) * 1000:.0f} ms | 50 ms |")


if __name__ == "__main__":
    main()
