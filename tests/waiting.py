"""Waiting for a condition instead of sleeping."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WITHIN = 30.0  # seconds
POLL = 0.01


def wait_until(condition: Callable[[], object], *, within: float = WITHIN) -> None:
    """Return when `condition()` holds; AssertionError if it still does not after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {condition} after {within} s"
        time.sleep(POLL)


async def eventually(condition: Callable[[], object], *, within: float = WITHIN) -> None:
    """Like `wait_until`, without blocking the event loop."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {condition} after {within} s"
        await asyncio.sleep(POLL)
