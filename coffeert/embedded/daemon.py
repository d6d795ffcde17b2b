"""A server process that outlives the process that started it, found again by the lock that it holds.

The server and its children inherit the descriptor of `<name>.lock`, so the lock is held exactly as long as
any of them lives. Whether one does never depends on a process id, which may be another program's by now.
"""

from __future__ import annotations

import re
import socket
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from coffeert.embedded.data_directory import DataDirectory
from coffeert.embedded.lease import POLL_SECONDS, FileLock, is_held_exclusively
from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from signal import Signals

START_TIMEOUT_SECONDS = 60.0  # a crash recovery may take a while
UNRESPONSIVE_AFTER_SECONDS = 5.0
"""How long a running server may have no listening socket before it is stopped."""

_SOCKET_TIMEOUT_SECONDS = 1.0
_FATAL = re.compile(r"\b(FATAL|PANIC|fatal|error|Can't|Failed)\b")
_IN_BACKGROUND = '"$@" &'


class Daemon(ABC):
    """A server in a data directory; `settings` override its defaults."""

    name: ClassVar[str]  # of its lock and its log
    title: ClassVar[str]  # in sentences

    def __init__(
        self, directory: Path | DataDirectory, *, settings: Mapping[str, str] | None = None
    ) -> None:
        if not isinstance(directory, DataDirectory):
            directory = DataDirectory.at(directory)
        self.directory = directory
        self.settings = {**(settings or {})}

    @property
    def pid(self) -> int | None:
        """The process id of the running server; `None` if there is none or it is not known yet."""
        if not self.is_running():
            return None
        try:
            pid = int(self._pid_file.read_text().partition("\n")[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if pid > 1 else None

    @property
    def log_file(self) -> Path:
        return self.directory.log(f"{self.name}.log")

    def is_running(self) -> bool:
        """Whether any process of the server is alive, whichever process started it."""
        return is_held_exclusively(self._lock_file)

    def is_answering(self) -> bool:
        """Whether the server executes commands now; one that recovers from a crash does not yet."""
        return self._answers()

    def start(self, timeout: float = START_TIMEOUT_SECONDS) -> None:
        """Start the server unless it runs, and return when it answers.

        Raises `EmbeddedError` if it ends at once, or does not answer within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        with FileLock(self._lock_file) as lock:
            if self._found_running(lock, deadline):
                return
            self._prepare(lock)
            self._launch(lock)
        while not self._answers():
            if not self.is_running():
                raise self._failure(f"{self.title} did not start")
            self._check(deadline)
            time.sleep(POLL_SECONDS)

    def _found_running(self, lock: FileLock, deadline: float) -> bool:
        """Return True if the server answers; else False, holding the lock, once nothing of it is left."""
        unresponsive_at = time.monotonic() + UNRESPONSIVE_AFTER_SECONDS
        while not lock.try_exclusive():
            if self._answers():
                return True
            if time.monotonic() > unresponsive_at and not accepts_connections(self._socket):
                # Alive, but out of reach for ever: its socket file has been removed.
                self._signal(self._stop_signals()[0][0])
                unresponsive_at = deadline
            self._check(deadline)
            time.sleep(POLL_SECONDS)
        return False

    def _launch(self, lock: FileLock) -> None:
        command = self._command()
        with self.directory.new_log(self.log_file.name) as log:
            # Through a shell that ends at once, so that the server is not our child: if another process
            # stopped it, it would stay a zombie for as long as we live.
            self.directory.account.run(
                ["/bin/sh", "-c", _IN_BACKGROUND, "sh", *command],
                output=log,
                inherit=[lock.fileno()],
            )

    def request_stop(self) -> None:
        """Signal the server to stop, without waiting for its end."""
        self._signal(self._stop_signals()[0][0])

    def _stop(self, signals: Sequence[tuple[Signals, float]]) -> None:
        for number, patience in signals:
            deadline = time.monotonic() + patience
            sent = False
            while time.monotonic() < deadline:
                if not self.is_running():
                    return
                sent = sent or self._signal(number)
                time.sleep(POLL_SECONDS)
        raise self._failure(f"{self.title} did not stop")

    def _signal(self, number: Signals) -> bool:
        pid = self.pid
        if pid is None:
            return False
        self.directory.account.signal(pid, number)
        return True

    def _check(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise self._failure(f"{self.title} does not answer")

    def _failure(self, sentence: str, log: Path | None = None) -> EmbeddedError:
        log = log or self.log_file
        try:
            lines = log.read_text(errors="replace").strip().splitlines()
        except FileNotFoundError:
            return EmbeddedError(f"{sentence}.")
        fatal = [line for line in lines if _FATAL.search(line)]
        last = (fatal or lines or ["it wrote nothing"])[-1].strip()
        return EmbeddedError(f"{sentence}: {last.rstrip('.')}. Its log is {log}.")

    @property
    def _lock_file(self) -> Path:
        return self.directory.path / f"{self.name}.lock"

    @property
    @abstractmethod
    def _pid_file(self) -> Path:
        """The file that the server itself writes its process id to."""

    @property
    @abstractmethod
    def _socket(self) -> Path:
        """The Unix socket that it listens on."""

    @abstractmethod
    def _prepare(self, lock: FileLock) -> None:
        """Prepare the files for a start, while no process of the server is alive."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """The program and its arguments."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it executes commands now."""

    @abstractmethod
    def _stop_signals(self) -> Sequence[tuple[Signals, float]]:
        """The signals that stop it, each with the seconds to wait before the next is sent."""


def accepts_connections(path: Path) -> bool:
    """Whether a living process listens on the Unix socket `path`."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SOCKET_TIMEOUT_SECONDS)
        try:
            connection.connect(str(path))
        except BlockingIOError:
            return True  # its backlog is full
        except OSError:
            return False
    return True


def reply(path: Path, request: bytes) -> bytes:
    """Return the first bytes that the listener on a Unix socket sends to a request, or nothing."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SOCKET_TIMEOUT_SECONDS)
        try:
            connection.connect(str(path))
            connection.sendall(request)
            return connection.recv(64)
        except OSError:
            return b""
