"""A server process that outlives whoever started it, found again by the lock that it holds.

The descriptor of `<name>.lock` is inherited by the server and its children, so the lock is held
exactly as long as any of them lives. No process id has to be believed to know whether one does.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from coffeert.embedded.data_directory import DataDirectory
from coffeert.embedded.lock import POLL, FileLock, is_held_alone
from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from signal import Signals

START_TIMEOUT = 60.0  # seconds; a crash recovery may take a while
DEAF_AFTER = 5.0  # seconds without a listening socket until a living server is stopped
FATAL = re.compile(r"\b(FATAL|PANIC|fatal|error|Can't|Failed)\b")
IN_BACKGROUND = '"$@" &'


class Daemon(ABC):
    """One server in a data directory."""

    name: ClassVar[str]  # of its lock and its log
    title: ClassVar[str]  # in sentences

    def __init__(
        self, directory: Path | DataDirectory, *, settings: Mapping[str, str] | None = None
    ) -> None:
        """Describes the server in `directory`; `settings` override the server's defaults."""
        if not isinstance(directory, DataDirectory):
            directory = DataDirectory.at(directory)
        self.directory = directory
        self.settings = {**(settings or {})}

    @property
    def pid(self) -> int | None:
        """The process id of the running server; None if there is none or it is still unknown."""
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
        """Whether any process of the server is alive, whoever started it."""
        return is_held_alone(self._lock_file)

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Returns when the server answers: at once if it runs already, else after starting it.

        Raises:
            EmbeddedError: it ended at once, or does not answer within `timeout` seconds.
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
            time.sleep(POLL)

    def _found_running(self, lock: FileLock, deadline: float) -> bool:
        """Whether the server answers; if not, returns once nothing of it is left, with the lock."""
        deaf_at = time.monotonic() + DEAF_AFTER
        while not lock.try_exclusive():
            if self._answers():
                return True
            if time.monotonic() > deaf_at and not self._listens():
                # Alive, but nobody can reach it again: its socket file has been removed.
                self._signal(self._stop_signals()[0][0])
                deaf_at = deadline
            self._check(deadline)
            time.sleep(POLL)
        return False

    def _launch(self, lock: FileLock) -> None:
        command = self._command()
        with self.directory.new_log(self.log_file.name) as log:
            # By way of a shell that ends at once, so that the server is never our child: it would
            # stay a zombie for as long as we live when someone else has stopped it.
            self.directory.account.run(
                ["/bin/sh", "-c", IN_BACKGROUND, "sh", *command],
                output=log,
                inherit=[lock.fileno()],
            )

    def ask_to_stop(self) -> None:
        """Tells the server to stop and does not wait."""
        self._signal(self._stop_signals()[0][0])

    def _stop(self, signals: Sequence[tuple[Signals, float]]) -> None:
        for number, patience in signals:
            deadline = time.monotonic() + patience
            sent = False
            while time.monotonic() < deadline:
                if not self.is_running():
                    return
                sent = sent or self._signal(number)
                time.sleep(POLL)
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
        fatal = [line for line in lines if FATAL.search(line)]
        last = (fatal or lines or ["it wrote nothing"])[-1].strip()
        return EmbeddedError(f"{sentence}: {last.rstrip('.')}. Its log is {log}.")

    @property
    def _lock_file(self) -> Path:
        return self.directory.path / f"{self.name}.lock"

    @property
    @abstractmethod
    def _pid_file(self) -> Path:
        """The file that the server itself writes its process id to."""

    @abstractmethod
    def _prepare(self, lock: FileLock) -> None:
        """Makes the files ready for a start, while nothing of the server is alive."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """The program and its arguments."""

    @abstractmethod
    def _listens(self) -> bool:
        """Whether its socket takes a connection."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it takes commands now."""

    @abstractmethod
    def _stop_signals(self) -> Sequence[tuple[Signals, float]]:
        """What to send to stop it, each with the seconds to wait until the next is sent."""
