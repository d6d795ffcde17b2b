"""Embedded servers that die while they are needed are started again."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 60.0


class Mortal(Protocol):
    """A server that may have died."""

    @property
    def title(self) -> str:
        """Its name in sentences."""

    def is_running(self) -> bool:
        """Whether any process of it is alive."""


@contextmanager
def revived(servers: Sequence[Mortal], start: Callable[[], None]) -> Iterator[None]:
    """Looks at the servers every second while the block runs, and calls `start` when one is gone.

    In a thread: starting blocks, for seconds where PostgreSQL has to recover, and leaving waits for it. A
    server that does not start is tried again after twice as long each time, up to a minute.
    """
    leaving = threading.Event()
    thread = threading.Thread(
        target=_mind, args=(servers, start, leaving), name="embedded servers", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join()


def _mind(servers: Sequence[Mortal], start: Callable[[], None], leaving: threading.Event) -> None:
    delay = LOOK_SECONDS
    while not leaving.wait(delay):
        dead = [server.title for server in servers if not server.is_running()]
        if not dead:
            delay = LOOK_SECONDS
            continue
        log.warning("embedded servers died", servers=dead)
        try:
            start()
        except EmbeddedError as error:
            delay = min(2 * delay, _MOST_SECONDS)
            log.error("embedded servers do not start", reason=str(error), next_try_s=delay)
        else:
            delay = LOOK_SECONDS
            log.info("embedded servers started again", servers=dead)
