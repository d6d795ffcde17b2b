"""The feed of one server: what one reader has read is there for all who come to the same position."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol
from weakref import WeakValueDictionary

from coffeert.domain.feed import FeedCursor, FeedPosition, FeedStart, FeedTick
from coffeert.errors import CoffeertError, Gone, Unavailable
from coffeert.postgres.feed import FeedRows
from coffeert.server.feed.chunk import FeedChunk

POLL_SECONDS: Final = 0.025
"""How often the newest tick is looked for while somebody waits for it."""
TOLD_POLL_SECONDS: Final = 0.1
"""How often while this process makes the ticks, and tells."""

_DEMAND_SECONDS: Final = 5.0
_DEMAND_EVERY_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5
_BEHIND_SECONDS: Final = 10.0
_CHECK_SECONDS: Final = 1.0
_CACHE_BYTES: Final = 32 << 20
_MAX_MARKS: Final = 2_000


class FeedReads(Protocol):
    """Reads the feed from the database; every method raises `DatabaseUnavailable`."""

    async def want_ticks(self, seconds: float) -> bool:
        """Say that readers want ticks between the passes for so long; False if it cannot."""

    async def has(self, tick: FeedTick) -> bool:
        """Return True if a tick is still there."""

    async def newest(self) -> tuple[int, datetime] | None:
        """Return the number and the moment of the newest tick."""

    async def first_tick(self) -> int:
        """Return the number of the oldest tick."""

    async def now(self) -> FeedPosition:
        """Return the position behind everything."""

    async def at(self, moment: datetime) -> FeedPosition:
        """Return the last position before a moment."""

    async def find(self, cursor: FeedCursor) -> FeedPosition:
        """Return the position of a cursor; raises `Gone`, `Unavailable`."""

    async def read(self, position: FeedPosition) -> list[FeedRows]:
        """Read what follows a position; raises `Gone`."""


class TickRequests(Protocol):
    """Brings the leader word of readers if the database cannot; raises `RedisUnavailable`."""

    async def want_feed_ticks(self, seconds: float) -> None:
        """Say that readers want ticks between the passes for so long."""


class FeedSource:
    """Reads each stretch of the feed once, keeps the latest ones, and wakes those who wait for more.

    Readers at the same position get the same chunk, encoded once. One that is slow comes to a position that
    is no longer kept, and has it read again; nobody waits for it. `places` returns the decimal places of
    the currency.
    """

    def __init__(self, table: FeedReads, requests: TickRequests, places: Callable[[], int]) -> None:
        self._table = table
        self._requests = requests
        self._places = places
        self._chunks: OrderedDict[FeedPosition, FeedChunk] = OrderedDict()
        self._bytes = 0
        self._marks: OrderedDict[FeedPosition, tuple[FeedChunk, int]] = OrderedDict()
        self._reading: WeakValueDictionary[FeedPosition, asyncio.Lock] = WeakValueDictionary()
        self._waiting: dict[asyncio.Future[None], tuple[int, datetime] | None] = {}
        self._somebody_waits = asyncio.Event()
        self._told = asyncio.Event()
        self._demanded = float("-inf")
        self._newest: tuple[int, datetime] | None = None
        self.closed = False

    async def run(self) -> None:
        """Look for new ticks as long as somebody waits for them, until cancelled."""
        while True:
            await self._somebody_waits.wait()
            pause = TOLD_POLL_SECONDS if self._told.is_set() else POLL_SECONDS
            self._told.clear()
            try:
                await self._demand_ticks()
                self._wake(await self._table.newest())
            except CoffeertError:
                pause = _RETRY_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._told.wait()

    def look(self) -> None:
        """Look for the newest tick at once: this process has made it."""
        self._told.set()

    def close(self) -> None:
        """Let everybody who waits go; the server ends."""
        self.closed = True
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def position(self, start: FeedStart) -> FeedPosition:
        """Return where a reader begins; raises `Gone` for a cursor that leads nowhere."""
        if start == "beginning":
            return FeedPosition()
        if start == "now":
            return await self._table.now()
        if isinstance(start, datetime):
            return await self._table.at(start)
        return await self._find(start)

    async def has_forgotten(self) -> bool:
        """Return True if ticks were deleted, so that what was committed when is not known of all orders."""
        return await self._table.first_tick() > 1

    async def _find(self, cursor: FeedCursor) -> FeedPosition:
        """Return the position of a cursor; a standby may be about to come there."""
        deadline = time.monotonic() + _BEHIND_SECONDS
        while True:
            try:
                return await self._table.find(cursor)
            except Gone:
                self._forget()
                raise
            except Unavailable:
                if time.monotonic() > deadline or self.closed:
                    raise
            await asyncio.sleep(POLL_SECONDS)

    async def following(self, position: FeedPosition) -> tuple[FeedChunk, int] | None:
        """Return the chunk that follows a position, and at which index; `None` at the end of the feed.

        Raises `Gone`, `DatabaseUnavailable`.
        """
        lock = self._reading.setdefault(position, asyncio.Lock())
        async with lock:
            mark = self._marks.get(position)
            if mark is not None and await self._is_right(mark[0]):
                return mark
            chunk = self._chunks.get(position)
            if chunk is None or not await self._is_right(chunk):
                try:
                    parts = await self._table.read(position)
                except Gone:
                    self._forget()
                    raise
                if not parts:
                    return None
                chunk = FeedChunk(parts, self._places())
                # What follows the beginning is another part as soon as ticks are deleted.
                if position.after is not None:
                    self._keep(position, chunk)
            elif position in self._chunks:
                self._chunks.move_to_end(position)
        return chunk, 0

    def mark(self, chunk: FeedChunk, index: int) -> None:
        """Note that a reader goes on in the middle of a chunk, behind the order at an index."""
        position = chunk.position(index)
        if position != chunk.end and position.after is not None:
            self._marks[position] = chunk, index + 1
            if len(self._marks) > _MAX_MARKS:
                self._marks.popitem(last=False)

    def is_at_end(self, position: FeedPosition) -> bool:
        """Return True if nothing followed a position when the newest tick was last looked for.

        That may be long ago, so only who waits for news next may rely on it.
        """
        known = _newest_known(position)
        return known is not None and known == self._newest

    async def news(self, position: FeedPosition, seconds: float) -> bool:
        """Wait until there may be more than a reader at the end of the feed knows.

        False if there was nothing for so long.
        """
        if self.closed:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = _newest_known(position)
        self._somebody_waits.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await future
            return future.done() and not future.cancelled()
        finally:
            self._waiting.pop(future, None)
            if not self._waiting:
                self._somebody_waits.clear()

    def _wake(self, newest: tuple[int, datetime] | None) -> None:
        if self._newest is not None and (newest is None or newest[0] < self._newest[0]):
            self._forget()
        self._newest = newest
        for future, known in self._waiting.items():
            # Another one, not only a later one: the database may have gone back.
            if newest != known and not future.done():
                future.set_result(None)

    async def _demand_ticks(self) -> None:
        if time.monotonic() - self._demanded < _DEMAND_EVERY_SECONDS:
            return
        self._demanded = time.monotonic()
        with suppress(CoffeertError):  # then there are ticks with the passes
            if not await self._table.want_ticks(_DEMAND_SECONDS):
                await self._requests.want_feed_ticks(_DEMAND_SECONDS)

    async def _is_right(self, chunk: FeedChunk) -> bool:
        """Return True if a chunk's ticks are those of the database; asked once a second."""
        if time.monotonic() - chunk.checked > _CHECK_SECONDS:
            if not await self._table.has(chunk.last_tick):
                self._forget()
                return False
            chunk.checked = time.monotonic()
        return True

    def _forget(self) -> None:
        """Drop what is kept: the database may have gone back, and go on with other orders behind a tick."""
        self._chunks.clear()
        self._marks.clear()
        self._bytes = 0

    def _keep(self, position: FeedPosition, chunk: FeedChunk) -> None:
        self._chunks[position] = chunk
        self._bytes += chunk.size
        while self._bytes > _CACHE_BYTES and len(self._chunks) > 1:
            _, oldest = self._chunks.popitem(last=False)
            self._bytes -= oldest.size
            self._marks = OrderedDict(
                (mark, found) for mark, found in self._marks.items() if found[0] is not oldest
            )


def _newest_known(position: FeedPosition) -> tuple[int, datetime] | None:
    """Return the number and the moment of the tick behind which a reader is."""
    return None if position.after is None else (position.after.number, position.after.time)
