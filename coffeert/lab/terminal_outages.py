# ruff: noqa: S603, S607, T201 (it runs programs, and prints what it measured)
"""How soon the terminal shows that something is broken, and how soon that it has recovered.

Run as `python -m coffeert.lab.terminal_outages`; it needs tmux. A server with databases of its own,
generated orders, and two dashboards in tmux: one on the first screen, one on the system's. The server,
Redis and PostgreSQL are broken in turn; both screens are read ten times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from coffeert.embedded import PostgresServer, ValkeyServer
from coffeert.redis_bus.connection import close_client, open_client

DOWN_SECONDS = 6.0
_POLL_SECONDS = 0.1
_RECOVERY_TIMEOUT_SECONDS = 60.0
_ORDERS_SECONDS = 5.0
_PAUSE_SECONDS = 4.0
Fault = tuple[Callable[[], object], Callable[[], object] | None]
"""What breaks something, and what repairs it if it does not recover by itself."""

_HEADER_TROUBLE = re.compile(
    r"(no news for|offline|connecting)[^│=]*"
    r"|(Taking orders|Redis|Database|Counting|Storing safely|Screens): .*"
)
_SYSTEM_TROUBLE = re.compile(r"([1-4] \w+) ✗ ([^─┐]*)")


class Tmux:
    """Dashboards in a tmux server of this run."""

    def __init__(self, columns: int = 120, lines: int = 40) -> None:
        self._name = f"terminal-{os.getpid()}"
        self._size = ("-x", str(columns), "-y", str(lines))

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def open(self, name: str, command: str) -> None:
        """Start a command in a session of its own."""
        self.run("new-session", "-d", "-s", name, *self._size, command)

    def press(self, name: str, *keys: str) -> None:
        self.run("send-keys", "-t", name, *keys)

    def screen(self, name: str) -> str:
        return self.run("capture-pane", "-p", "-t", name)

    def close(self) -> None:
        """End everything in it."""
        self.run("kill-server")


@dataclass
class OutageScenario:
    """The processes that are broken: a server, PostgreSQL and Valkey, and the dashboards."""

    directory: Path
    port: int
    tmux: Tmux
    server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.postgres = PostgresServer(self.directory)
        self.valkey = ValkeyServer(self.directory)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, which leases the databases."""
        command = [sys.executable, "-m", "coffeert", "serve", "--port", str(self.port)]
        with (self.directory / "serve.log").open("ab") as log:
            self.server = subprocess.Popen(
                [*command, "--data-dir", str(self.directory)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop the server, and with it the databases."""
        self.signal_server(signal.SIGTERM)
        assert self.server is not None
        self.server.wait(30)

    def signal_server(self, number: signal.Signals) -> None:
        assert self.server is not None
        self.server.send_signal(number)
        if number is signal.SIGKILL:
            self.server.wait()

    def signal_postgres(self, number: signal.Signals) -> None:
        assert self.postgres.pid is not None
        parent = psutil.Process(self.postgres.pid)
        for process in (parent, *parent.children(recursive=True)):
            process.send_signal(number)

    def signal_valkey(self, number: signal.Signals) -> None:
        assert self.valkey.pid is not None
        os.kill(self.valkey.pid, number)

    def flush(self) -> None:

        async def flush() -> None:
            redis = open_client(self.valkey.url)
            try:
                await redis.flushall()
            finally:
                await close_client(redis)

        asyncio.run(flush())


def header_trouble(screen: str) -> str:
    """Return what the first two lines show as wrong."""
    found = _HEADER_TROUBLE.search("\n".join(screen.splitlines()[:2]))
    return " ".join(found[0].split()) if found else ""


def system_trouble(screen: str) -> str:
    """Return what the system's parts show as wrong."""
    found = _SYSTEM_TROUBLE.search(screen)
    return f"{found[1]}: {found[2].strip()}" if found else ""


@dataclass
class FirstReport:
    """What one screen first showed after a fault, and after how many seconds."""

    after: float | None = None
    text: str = ""

    def update(self, text: str, at: float) -> None:
        if text and self.after is None:
            self.after, self.text = at, text

    def cell(self) -> str:
        return "never" if self.after is None else f"{self.after:.1f} s: {self.text}"


def try_fault(scenario: OutageScenario, name: str, fault: Fault, screens: Path | None) -> str:
    """Break something, watch, repair it, watch; return a row of the table."""
    break_it, repair = fault
    began = time.monotonic()
    break_it()
    header, system, last = FirstReport(), FirstReport(), ""
    while (now := time.monotonic() - began) < DOWN_SECONDS:
        header.update(header_trouble(scenario.tmux.screen("live")), now)
        shown = scenario.tmux.screen("system")
        system.update(system_trouble(shown) or header_trouble(shown), now)
        last = system_trouble(shown) or header_trouble(shown) or last
        time.sleep(_POLL_SECONDS)
    if screens is not None:
        for each in ("live", "system"):
            text = scenario.tmux.screen(each)
            (screens / f"{name.replace(' ', '-')}-{each}.txt").write_text(text)
    repairing = time.monotonic()
    if repair is not None:
        repair()
    ready = time.monotonic()
    while header_trouble(scenario.tmux.screen("live")) or system_trouble(
        scenario.tmux.screen("system")
    ):
        if time.monotonic() > ready + _RECOVERY_TIMEOUT_SECONDS:
            return f"| {name} | {header.cell()} | {system.cell()} | {last} | never |"
        time.sleep(_POLL_SECONDS)
    recovered = time.monotonic() - ready
    return (
        f"| {name} | {header.cell()} | {system.cell()} | {last} "
        f"| {recovered:.1f} s after {ready - repairing:.1f} s of repairing |"
    )


def faults(scenario: OutageScenario) -> Mapping[str, Fault]:
    kill, stop, go = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT
    return {
        "server killed": (lambda: scenario.signal_server(kill), scenario.start),
        "server stopped": (
            lambda: scenario.signal_server(stop),
            lambda: scenario.signal_server(go),
        ),
        "Redis flushed": (scenario.flush, None),
        "Redis killed": (lambda: scenario.signal_valkey(kill), scenario.valkey.start),
        "Redis stopped": (lambda: scenario.signal_valkey(stop), lambda: scenario.signal_valkey(go)),
        "PostgreSQL crashed": (
            lambda: scenario.postgres.stop("immediate"),
            scenario.postgres.start,
        ),
        "PostgreSQL stopped": (
            lambda: scenario.signal_postgres(stop),
            lambda: scenario.signal_postgres(go),
        ),
    }


@contextmanager
def scenario(directory: Path, port: int) -> Iterator[OutageScenario]:
    """Start everything; stop it afterwards."""
    made = OutageScenario(directory, port, Tmux())
    with ExitStack() as stack:
        made.start()
        stack.callback(made.stop)
        command = f"{sys.executable} -m coffeert tui --forget --url {made.url}"
        made.tmux.open("live", command)
        stack.callback(made.tmux.close)
        made.tmux.open("system", command)
        while "● live" not in made.tmux.screen("live"):
            time.sleep(_POLL_SECONDS)
        made.tmux.open(
            "inject",
            f"{sys.executable} -m coffeert inject --url {made.url} --rate 20 --patience 10m",
        )
        made.tmux.press("system", "5")
        time.sleep(_ORDERS_SECONDS)
        yield made


def main() -> None:
    """Break everything in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="a part of a fault's name")
    parser.add_argument("--screens", type=Path, help="directory for the screens while broken")
    parser.add_argument("--port", type=int, default=21_765, help="for the server, and free")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="terminal-") as place:
        directory = Path(place)
        directory.chmod(0o755)
        with scenario(directory, options.port) as made:
            print("| fault | header shows | system screen shows | after 6 s | recovered |")
            print("|---|---|---|---|---|")
            for name, fault in faults(made).items():
                if options.only is None or options.only in name:
                    print(try_fault(made, name, fault, options.screens), flush=True)
                    time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main()
