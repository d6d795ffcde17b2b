"""Commands forked from a process that has loaded the program: loading it takes a second, forking none."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from coffeert.cli import COMMANDS

# These load much that the others do not need.
_LOADED = [f"coffeert.cli.{name.replace('-', '_')}" for name in COMMANDS.keys() - {"lab", "tui"}]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, *_LOADED, "coffeert.cli.import_orders"])


class Forked:
    """A process of its own that runs `coffeert`; what `subprocess.Popen` has for those that wait for one.

    Unlike one that is executed it has the command line and the environment of its parent in /proc, and ends
    without taking its objects apart.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        out: Path,
        err: Path,
    ) -> None:
        self._process = _context.Process(
            target=_run, args=(tuple(arguments), directory, dict(environment), out, err)
        )
        # The first starts a process that inherits standard error, which a dashboard under test replaces.
        with contextlib.redirect_stderr(sys.__stderr__):
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for at most `timeout` seconds; returns None if it still runs."""
        self._process.join(timeout)
        return self._process.exitcode


def _run(
    arguments: tuple[str, ...], directory: Path, environment: dict[str, str], out: Path, err: Path
) -> None:
    os.setsid()
    write = os.O_WRONLY | os.O_APPEND
    for number, place, flags in ((0, os.devnull, os.O_RDONLY), (1, out, write), (2, err, write)):
        file = os.open(place, flags)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["coffeert", *arguments]
    from coffeert.entry import main

    main()
