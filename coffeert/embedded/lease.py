"""Leases on a data directory: each holder needs its servers, and the last to leave stops them.

They are locks of flock(2), which cannot go stale: the kernel releases one when the last process that holds
its descriptor is gone.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POLL_SECONDS = 0.01
# Longer than the longest start or stop that another process may be in the middle of.
LOCK_TIMEOUT_SECONDS = 150.0


class FileLock:
    """An flock(2) on a file, held by this object and by every process that inherits its descriptor.

    Two objects on the same file exclude each other even inside one process, so threads need nothing else.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Open the file without locking it; `FileNotFoundError` if it is absent and not created."""
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
        """Lock together with other shared holders; returns False if there is an exclusive one."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Lock alone; returns False, holding nothing, if there is any other holder."""
        return self._try(fcntl.LOCK_EX)

    def exclusive(self, timeout: float) -> None:
        """Wait to lock alone; raises `EmbeddedError` after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self.try_exclusive():
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Another process has held {self.path} for {timeout:.0f} seconds; it may hang."
                )
            time.sleep(POLL_SECONDS)

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


def is_held_exclusively(path: Path) -> bool:
    """Whether some process holds the lock on `path` exclusively."""
    try:
        with FileLock(path, create=False) as lock:
            return not lock.try_shared()
    except FileNotFoundError:
        return False


@contextmanager
def lease(directory: Path, start: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """Hold a lease on `directory` while the block runs.

    `start` is called on entering, and `stop` on leaving if no other lease is left. Neither ever runs
    beside another one of the same directory, in this process or elsewhere. A killed process loses its
    lease with its life.
    """
    with FileLock(directory / "lease") as held:
        with exclusive_lock(directory):
            held.try_shared()  # nobody holds it exclusively but under the other lock, to leave
        try:
            with exclusive_lock(directory):
                start()
            yield
        finally:
            # A child that was forked from the holder has no part in its lease.
            if not held.closed:
                with exclusive_lock(directory):
                    if held.try_exclusive():
                        stop()
                    held.close()


@contextmanager
def exclusive_lock(directory: Path, timeout: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Be the only one who starts or stops the servers of `directory`.

    Raises `EmbeddedError` if another process still does after `timeout` seconds.
    """
    with FileLock(directory / "start.lock") as lock:
        lock.exclusive(timeout)
        yield


_open_locks: WeakSet[FileLock] = WeakSet()


def _close_inherited() -> None:
    # A child made by fork alone would otherwise hold the parent's lease for as long as it lives.
    for lock in tuple(_open_locks):
        lock.close()


os.register_at_fork(after_in_child=_close_inherited)
