"""Restarting embedded servers that die while they are needed."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

log = structlog.get_logger(__name__)

CHECK_SECONDS: Final = 1.0
_MAX_CHECK_SECONDS: Final = 60.0


class Supervised(Protocol):
    """A server that may die."""

    @property
    def title(self) -> str:
        """Its name in sentences."""

    def is_running(self) -> bool:
        """Whether any process of it is alive."""


@contextmanager
def supervise(
    servers: Sequence[Supervised], start: Callable[[threading.Event], None]
) -> Iterator[None]:
    """Check the servers every second while the block runs, and call `start` if one is gone.

    In a thread, because starting blocks. `start` gets an event that is set when the block is left, which
    waits for `start`; it raises `EmbeddedError` if a server does not start. After each attempt the time to
    the next check doubles, up to a minute, until a minute has passed without an attempt.
    """
    leaving = threading.Event()
    thread = threading.Thread(
        target=_watch, args=(servers, start, leaving), name="embedded servers", daemon=True
    )
    try:
        thread.start()
        yield
    finally:
        leaving.set()
        if thread.ident is not None:
            thread.join()


def _watch(
    servers: Sequence[Supervised],
    start: Callable[[threading.Event], None],
    leaving: threading.Event,
) -> None:
    delay, last_attempt, down = CHECK_SECONDS, float("-inf"), False
    while not leaving.wait(delay):
        try:
            dead = [server.title for server in servers if not server.is_running()]
            if dead:
                delay, last_attempt = min(2 * delay, _MAX_CHECK_SECONDS), time.monotonic()
                if not down:
                    log.warning("embedded servers died", servers=dead)
                down = True
                start(leaving)
            elif time.monotonic() - last_attempt > _MAX_CHECK_SECONDS:
                delay = CHECK_SECONDS
            if down and not leaving.is_set():
                log.info("embedded servers run again")
                down = False
        except EmbeddedError as error:
            log.error("embedded servers do not start", reason=str(error), next_check_s=delay)
        except Exception:
            # Any defect may be temporary, and nothing else would restart the servers.
            log.exception("embedded servers cannot be supervised")
