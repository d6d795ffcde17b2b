# ruff: noqa: S603, S607, T201 (it runs programs, and prints what it measured)
"""How soon the terminal says that something is broken, and how soon that it is well again.

Run from the repository's root: `python -m benchmarks.outages`; it needs tmux. A server with databases of
its own, made-up orders, and two dashboards in tmux, one on the first screen and one on the engine's. The
server, Redis and PostgreSQL are broken in turn; both screens are read ten times a second.
"""

from __future__ import annotations

import argparse
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
from tests.ports import free_port

DOWN_S = 6.0
_LOOK_S = 0.1
Fault = tuple[Callable[[], object], Callable[[], object] | None]
"""What is done, and how it is undone."""

_TROUBLE = re.compile(
    r"(STALE|OFFLINE|CONNECTING)[^│=]*|(intake|redis|database|aggregator|websocket): .*"
)
_CROSSED = re.compile(r"([1-4] \w+) ✗ ([^─┐]*)")


class Tmux:
    """Dashboards in a tmux server of this run's own."""

    def __init__(self, columns: int = 120, lines: int = 40) -> None:
        self._name = f"terminal-{os.getpid()}"
        self._size = ("-x", str(columns), "-y", str(lines))

    def run(self, *words: str) -> str:
        """Run a tmux command."""
        done = subprocess.run(
            ["tmux", "-L", self._name, "-f", "/dev/null", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def open(self, name: str, command: str) -> None:
        """Start a command in a session of its own."""
        self.run("new-session", "-d", "-s", name, *self._size, command)

    def press(self, name: str, *keys: str) -> None:
        """Press keys."""
        self.run("send-keys", "-t", name, *keys)

    def screen(self, name: str) -> str:
        """Return what is on the screen."""
        return self.run("capture-pane", "-p", "-t", name)

    def close(self) -> None:
        """End everything in it."""
        self.run("kill-server")


@dataclass
class Stage:
    """The parts, to be broken."""

    directory: Path
    port: int
    tmux: Tmux
    server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.postgres = PostgresServer(self.directory)
        self.valkey = ValkeyServer(self.directory)

    @property
    def url(self) -> str:
        """Where the server is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, which attaches to the databases."""
        words = [sys.executable, "-m", "coffeert", "serve", "--port", str(self.port)]
        with (self.directory / "serve.log").open("ab") as log:
            self.server = subprocess.Popen(
                [*words, "--data-dir", str(self.directory)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Let the server end, and with it the databases."""
        self.signal_server(signal.SIGTERM)
        assert self.server is not None
        self.server.wait(30)

    def signal_server(self, number: signal.Signals) -> None:
        """Send the server a signal."""
        assert self.server is not None
        self.server.send_signal(number)
        if number is signal.SIGKILL:
            self.server.wait()

    def signal_postgres(self, number: signal.Signals) -> None:
        """Send a signal to every process of PostgreSQL."""
        assert self.postgres.pid is not None
        parent = psutil.Process(self.postgres.pid)
        for process in (parent, *parent.children(recursive=True)):
            process.send_signal(number)

    def signal_valkey(self, number: signal.Signals) -> None:
        """Send Valkey a signal."""
        assert self.valkey.pid is not None
        os.kill(self.valkey.pid, number)

    def flush(self) -> None:
        """Empty Redis."""
        from redis import Redis

        with Redis.from_url(self.valkey.url) as redis:
            redis.flushall()


def said(screen: str) -> str:
    """Return what the first two lines say is wrong."""
    found = _TROUBLE.search("\n".join(screen.splitlines()[:2]))
    return " ".join(found[0].split()) if found else ""


def crossed(screen: str) -> str:
    """Return what the engine's parts say is wrong; old ages count."""
    found = _CROSSED.search(screen)
    return f"{found[1]}: {found[2].strip()}" if found else ""


@dataclass
class Seen:
    """What one screen said after a fault, and when, in seconds."""

    after: float | None = None
    words: str = ""

    def look(self, words: str, at: float) -> None:
        """Keep the first thing said."""
        if words and self.after is None:
            self.after, self.words = at, words

    def text(self) -> str:
        """Write it into a table's cell."""
        return "never" if self.after is None else f"{self.after:.1f} s: {self.words}"


def try_fault(stage: Stage, name: str, fault: Fault, screens: Path | None) -> str:
    """Break something, watch, mend it, watch; return a row."""
    harm, mend = fault
    began = time.monotonic()
    harm()
    header, engine, last = Seen(), Seen(), ""
    while (now := time.monotonic() - began) < DOWN_S:
        header.look(said(stage.tmux.screen("live")), now)
        shown = stage.tmux.screen("engine")
        engine.look(crossed(shown) or said(shown), now)
        last = crossed(shown) or said(shown) or last
        time.sleep(_LOOK_S)
    if screens is not None:
        for each in ("live", "engine"):
            text = stage.tmux.screen(each)
            (screens / f"{name.replace(' ', '-')}-{each}.txt").write_text(text)
    mended = time.monotonic()
    if mend is not None:
        mend()
    ready = time.monotonic()
    while said(stage.tmux.screen("live")) or crossed(stage.tmux.screen("engine")):
        if time.monotonic() > ready + 60:
            return f"| {name} | {header.text()} | {engine.text()} | {last} | never |"
        time.sleep(_LOOK_S)
    healed = time.monotonic() - ready
    return (
        f"| {name} | {header.text()} | {engine.text()} | {last} "
        f"| {healed:.1f} s after {ready - mended:.1f} s of mending |"
    )


def faults(stage: Stage) -> Mapping[str, Fault]:
    """Return what is broken, and how."""
    kill, stop, go = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT
    return {
        "server killed": (lambda: stage.signal_server(kill), stage.start),
        "server stopped": (lambda: stage.signal_server(stop), lambda: stage.signal_server(go)),
        "Redis flushed": (stage.flush, None),
        "Redis killed": (lambda: stage.signal_valkey(kill), stage.valkey.start),
        "Redis stopped": (lambda: stage.signal_valkey(stop), lambda: stage.signal_valkey(go)),
        "PostgreSQL crashed": (lambda: stage.postgres.stop("immediate"), stage.postgres.start),
        "PostgreSQL stopped": (
            lambda: stage.signal_postgres(stop),
            lambda: stage.signal_postgres(go),
        ),
    }


@contextmanager
def stage(directory: Path) -> Iterator[Stage]:
    """Start everything; end it afterwards."""
    made = Stage(directory, free_port(), Tmux())
    with ExitStack() as stack:
        made.start()
        stack.callback(made.stop)
        words = f"{sys.executable} -m coffeert tui --forget --url {made.url}"
        made.tmux.open("live", words)
        stack.callback(made.tmux.close)
        made.tmux.open("engine", words)
        while "LIVE" not in made.tmux.screen("live"):
            time.sleep(_LOOK_S)
        made.tmux.open(
            "inject",
            f"{sys.executable} -m coffeert inject --url {made.url} --rate 20 --patience 10m",
        )
        made.tmux.press("engine", "5")
        time.sleep(5)
        yield made


def main() -> None:
    """Break everything in turn, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="a part of a fault's name")
    parser.add_argument("--screens", type=Path, help="a directory for what is shown while broken")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="terminal-") as place:
        directory = Path(place)
        directory.chmod(0o755)
        with stage(directory) as made:
            print("| fault | header says | engine says | engine after 6 s | well again |")
            print("|---|---|---|---|---|")
            for name, fault in faults(made).items():
                if options.only is None or options.only in name:
                    print(try_fault(made, name, fault, options.screens), flush=True)
                    time.sleep(4)


if __name__ == "__main__":
    main()
