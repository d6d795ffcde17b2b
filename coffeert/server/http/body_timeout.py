"""How slowly a client may send the body of a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Final, TypeVar

from aiohttp import StreamReader

from coffeert.errors import RequestTimeout

_T = TypeVar("_T")
_MIN_BYTES_PER_SECOND: Final = 1024


class BodyTimeout:
    """The time for which a body may be awaited: `seconds`, and one more for each 1,024 bytes received.

    Only waiting for the client counts, not our own work on what it has sent.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    async def wait(self, reading: Awaitable[_T]) -> _T:
        """Wait for bytes; raises `RequestTimeout` if they take too long."""
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
            self._left += len(data) / _MIN_BYTES_PER_SECOND
            yield data
