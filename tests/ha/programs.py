"""Programs of other people that the availability run starts, watches and ends."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from coffeert.errors import EmbeddedError

NEEDED = ("patroni", "etcd", "haproxy", "redis-server")
PACKAGES = "apt-get install patroni etcd-server python3-etcd haproxy redis-server postgresql"
ACCOUNT = "postgres"
"""The account of Patroni and PostgreSQL if this is root, as whom PostgreSQL does not run."""


def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs: `COFFEERT_TEST_PG_BIN`, or the newest of Debian's.

    Raises `EmbeddedError` if they or another program are missing.
    """
    missing = [name for name in NEEDED if shutil.which(name) is None]
    chosen = os.environ.get("COFFEERT_TEST_PG_BIN")
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    if missing or not (chosen or found):
        raise EmbeddedError(f"Programs are missing ({', '.join(missing)}): {PACKAGES}.")
    return Path(chosen) if chosen else found[-1]


class Program:
    """A program that is started again after it was killed; what it writes goes to a log."""

    def __init__(
        self,
        name: str,
        directory: Path,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        account: str | None = None,
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._directory = directory
        self._command = command
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._environment = {**clean, **environment}
        self._account = account if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it."""
        group = None
        if self._account is not None:
            group = pwd.getpwnam(self._account).pw_gid
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._account,
                group=group,
                extra_groups=None if group is None else (),
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or not self.running:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(*programs: Program) -> Iterator[None]:
    """Start programs, and end them in the reverse order."""
    try:
        for program in programs:
            program.start()
        yield
    finally:
        for program in reversed(programs):
            program.stop()
