"""Embedded servers that die while they are needed are started again."""

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

LOOK_SECONDS: Final = 1.0
_LONG_SECONDS: Final = 60.0


class Supervised(Protocol):
    """A server that may have died."""

    @property
    def title(self) -> str:
        """Its name in sentences."""

    def is_running(self) -> bool:
        """Whether any process of it is alive."""


@contextmanager
def revived(
    servers: Sequence[Supervised], start: Callable[[threading.Event], None]
) -> Iterator[None]:
    """Looks at the servers every second while the block runs, and has those started that are gone.

    In a thread, because starting blocks. `start` gets the event that is set when the block is left, which
    waits for it; it raises `EmbeddedError` where a server does not start. After each attempt the next look
    is twice as far away, up to a minute, until a minute has passed without one.
    """
    leaving = threading.Event()
    thread = threading.Thread(
        target=_mind, args=(servers, start, leaving), name="embedded servers", daemon=True
    )
    try:
        thread.start()
        yield
    finally:
        leaving.set()
        if thread.ident is not None:
            thread.join()


def _mind(
    servers: Sequence[Supervised],
    start: Callable[[threading.Event], None],
    leaving: threading.Event,
) -> None:
    delay, tried_at, down = LOOK_SECONDS, float("-inf"), False
    while not leaving.wait(delay):
        try:
            dead = [server.title for server in servers if not server.is_running()]
            if dead:
                delay, tried_at = min(2 * delay, _LONG_SECONDS), time.monotonic()
                if not down:
                    log.warning("embedded servers died", servers=dead)
                down = True
                start(leaving)
            elif time.monotonic() - tried_at > _LONG_SECONDS:
                delay = LOOK_SECONDS
            if down and not leaving.is_set():
                log.info("embedded servers run again")
                down = False
        except EmbeddedError as error:
            log.error("embedded servers do not start", reason=str(error), next_look_s=delay)
        except Exception:
            # Whatever it is, it may pass, and nobody else would start them.
            log.exception("embedded servers cannot be looked after")
