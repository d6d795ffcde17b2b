"""Sends messages of committed batches in the background, so that a commit never waits for Redis."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import msgspec
import structlog
from redis.asyncio import Redis

from coffeert.cancellation import end
from coffeert.errors import RedisUnavailable
from coffeert.redis_bus import keys
from coffeert.redis_bus.connection import redis_errors
from coffeert.wire.bus import BatchesCommitted

log = structlog.get_logger(__name__)

MAX_QUEUED: Final = 512
"""The most queued messages. A lost one costs readers freshness until the next pass and nothing else."""

_MAX_PIPELINED = 64
_PAUSE_SECONDS = 0.25
_DRAIN_SECONDS = 1.0

_encode = msgspec.json.Encoder().encode


class MessageSender:
    """A bounded queue of messages and one task that publishes them; a full queue drops its oldest.

    The task starts with the first message. While Redis is away, messages are dropped and counted.
    """

    def __init__(self, client: Redis, *, limit: int = MAX_QUEUED) -> None:
        self.published = 0
        self.dropped = 0
        self._client = client
        self._limit = limit
        self._queue: deque[BatchesCommitted] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.obstacle: str | None = None
        """Why the last messages were dropped; `None` if they were sent."""

    def put(self, message: BatchesCommitted) -> None:
        """Queue a message. Never waits, never raises."""
        if self._closing:
            self.dropped += 1
            return
        if len(self._queue) >= self._limit:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(message)
        self._wake.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(
                self._send(), name="committed batches"
            )
            self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Send what is queued, for at most a second, and stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            task = self._task
            await asyncio.wait({task}, timeout=_DRAIN_SECONDS)
            await end(task)
        self.dropped += len(self._queue)
        self._queue.clear()

    async def _send(self) -> None:
        while not (self._closing and not self._queue):
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                taken = min(_MAX_PIPELINED, len(self._queue))
                await self._publish([self._queue.popleft() for _ in range(taken)])

    async def _publish(self, messages: list[BatchesCommitted]) -> None:
        encoded = [data for message in messages if (data := _encoded(message)) is not None]
        sent = 0
        try:
            with redis_errors():
                async with self._client.pipeline(transaction=False) as pipeline:
                    for data in encoded:
                        pipeline.publish(keys.BATCHES_CHANNEL, data)
                    await pipeline.execute()
            sent = len(encoded)
            self.obstacle = None
        except RedisUnavailable as error:
            if self.obstacle is None:
                log.debug("committed batches dropped", reason=str(error))
            self.obstacle = str(error)
        finally:
            self.published += sent
            self.dropped += len(messages) - sent
        if self.obstacle is not None and not self._closing:
            await asyncio.sleep(_PAUSE_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None  # the next message starts another
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("sender of committed batches failed", exc_info=error)


def _encoded(message: BatchesCommitted) -> bytes | None:
    try:
        return _encode(message)
    except (UnicodeError, msgspec.MsgspecError, OverflowError) as error:
        log.error("committed batches cannot be encoded", reason=str(error))
        return None
