"""Locks that cannot go stale: the kernel releases them when their last holder is gone."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from pathlib import Path

POLL = 0.01  # seconds between two looks at something that is about to change


class FileLock:
    """An flock(2) on a file, held by this object and by every process that inherits its descriptor.

    Two objects on the same file exclude each other even inside one process, so threads need
    nothing else.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Opens the file, held by nobody yet; FileNotFoundError if it is absent and not created."""
        self.path = path
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        self._descriptor = os.open(path, flags, 0o600)
        _open_locks.add(self)

    @property
    def closed(self) -> bool:
        return self._descriptor < 0

    def fileno(self) -> int:
        return self._descriptor

    def try_shared(self) -> bool:
        """Takes the lock together with other shared holders; False if someone holds it alone."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Takes the lock alone; False if anyone else holds it, and then nothing is held here."""
        return self._try(fcntl.LOCK_EX)

    def exclusive(self, timeout: float) -> None:
        """Takes the lock alone, waiting for the others.

        Raises:
            EmbeddedError: it was not free within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self.try_exclusive():
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Another process has held {self.path} for {timeout:.0f} seconds; it may hang."
                )
            time.sleep(POLL)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _try(self, operation: int) -> bool:
        try:
            fcntl.flock(self._descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held_alone(path: Path) -> bool:
    """Whether some process holds the lock on `path` exclusively."""
    try:
        with FileLock(path, create=False) as lock:
            return not lock.try_shared()
    except FileNotFoundError:
        return False


_open_locks: WeakSet[FileLock] = WeakSet()


def _close_inherited() -> None:
    # A child made by fork alone would otherwise hold the parent's lease for as long as it lives.
    for lock in tuple(_open_locks):
        lock.close()


os.register_at_fork(after_in_child=_close_inherited)
