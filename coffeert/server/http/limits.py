"""Limits of one client: how fast it may order, and how slowly it may send."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from aiohttp import StreamReader

from coffeert.errors import RequestTimeout, TooManyRequests

_T = TypeVar("_T")
_SLOWEST = 1024  # bytes a second that a body must keep up after its first seconds


class TokenBucket:
    """How many orders a client may still send: a bucket that fills at `rate` orders a second.

    It holds one second's worth, and a batch may overdraw it: then the next waits until it is even.
    """

    __slots__ = ("_at", "_clock", "_level", "_rate")

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._level = max(1.0, rate)
        self._at = clock()

    @property
    def full(self) -> bool:
        """Whether nothing was taken lately, so that forgetting it changes nothing."""
        return self._level_at(self._clock()) >= max(1.0, self._rate)

    def take(self, orders: int) -> None:
        """Count orders; raises `TooManyRequests`, counting none, where the bucket is empty."""
        now = self._clock()
        self._level, self._at = self._level_at(now), now
        if self._level < 1:
            raise TooManyRequests(
                "Too many orders from this address.",
                retry_after=max(1, math.ceil((1 - self._level) / self._rate)),
            )
        self._level -= orders

    def _level_at(self, now: float) -> float:
        return min(max(1.0, self._rate), self._level + (now - self._at) * self._rate)


class BodyTimeout:
    """The time for which a client may let us wait for a body: `patience` s, and more as it sends.

    Only waiting for the client counts, never our own work on what it has sent.
    """

    def __init__(self, patience: float) -> None:
        self._left = patience

    async def wait(self, reading: Awaitable[_T]) -> _T:
        """Wait for bytes; raises `RequestTimeout` where they take too long."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(max(0.0, self._left)):
                read = await reading
        except TimeoutError:
            raise RequestTimeout("The body takes too long to arrive.") from None
        self._left -= loop.time() - started
        return read

    async def pieces(self, content: StreamReader) -> AsyncIterator[bytes]:
        """Read a body of any length as it arrives; raises `RequestTimeout`."""
        while data := await self.wait(content.readany()):
            self._left += len(data) / _SLOWEST
            yield data
