"""The outbox: sends hot batches from the background, so that whoever commits them never waits."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import msgspec
import structlog
from redis.asyncio import Redis

from coffeert.errors import RedisUnavailable
from coffeert.redis_bus import keys
from coffeert.redis_bus.connection import redis_errors
from coffeert.tasks import end
from coffeert.wire.bus import BatchesCommitted

log = structlog.get_logger(__name__)

LIMIT: Final = 512
"""Messages that may wait. A lost one costs its readers freshness until the next pass, nothing else."""

_AT_ONCE = 64
_PAUSE = 0.25
_DRAIN = 1.0

_encode = msgspec.json.Encoder().encode


class MessageSender:
    """A bounded queue of messages of hot batches, and one task that publishes them; the oldest give way.

    The task starts with the first one. While Redis is away they are dropped and counted.
    """

    def __init__(self, client: Redis, *, limit: int = LIMIT) -> None:
        self.published = 0
        self.dropped = 0
        self._client = client
        self._limit = limit
        self._waiting: deque[BatchesCommitted] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._reached = True

    def put(self, message: BatchesCommitted) -> None:
        """Leave a message to be sent. Never waits, never raises."""
        if self._closing:
            self.dropped += 1
            return
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._wake.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send(), name="hot batches")
            self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Send what waits, for at most a second, and stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            task = self._task
            await asyncio.wait({task}, timeout=_DRAIN)
            await end(task)
        self.dropped += len(self._waiting)
        self._waiting.clear()

    async def _send(self) -> None:
        while not (self._closing and not self._waiting):
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                taken = min(_AT_ONCE, len(self._waiting))
                await self._publish([self._waiting.popleft() for _ in range(taken)])

    async def _publish(self, waiting: list[BatchesCommitted]) -> None:
        messages = [data for message in waiting if (data := _written(message)) is not None]
        sent = 0
        try:
            with redis_errors():
                async with self._client.pipeline(transaction=False) as pipeline:
                    for message in messages:
                        pipeline.publish(keys.BATCHES_CHANNEL, message)
                    await pipeline.execute()
            sent = len(messages)
            self._reached = True
        except RedisUnavailable as error:
            if self._reached:
                log.debug("hot batches are dropped", reason=str(error))
            self._reached = False
        finally:
            self.published += sent
            self.dropped += len(waiting) - sent
        if not self._reached and not self._closing:
            await asyncio.sleep(_PAUSE)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None  # the next message starts another
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the sender of hot batches failed", exc_info=error)


def _written(message: BatchesCommitted) -> bytes | None:
    try:
        return _encode(message)
    except (UnicodeError, msgspec.MsgspecError, OverflowError) as error:
        log.error("hot batches cannot be written down", reason=str(error))
        return None
