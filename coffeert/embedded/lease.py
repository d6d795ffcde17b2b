"""Who is attached to the servers of a data directory: the last one out stops them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from coffeert.embedded.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Longer than the longest start or stop that another process may be in the middle of.
TIMEOUT = 150.0


@contextmanager
def attached(
    directory: Path, start: Callable[[], None], stop: Callable[[], None]
) -> Iterator[None]:
    """Holds a lease on `directory` while the block runs.

    `start` is called on entering, and `stop` on leaving if no other lease is left. Neither ever
    runs beside another one of the same directory, in this process or elsewhere. A killed holder's
    lease ends with it.
    """
    with FileLock(directory / "lease") as lease:
        with turn(directory):
            lease.try_shared()  # only someone leaving ever holds it alone, and has the turn then
        try:
            with turn(directory):
                start()
            yield
        finally:
            # A child that was forked from the holder has no part in its lease.
            if not lease.closed:
                with turn(directory):
                    if lease.try_exclusive():
                        stop()
                    lease.close()


@contextmanager
def turn(directory: Path, timeout: float = TIMEOUT) -> Iterator[None]:
    """Has the servers of `directory` to oneself for starting or stopping them.

    Raises:
        EmbeddedError: another process has not ended its turn within `timeout` seconds.
    """
    with FileLock(directory / "start.lock") as lock:
        lock.exclusive(timeout)
        yield
