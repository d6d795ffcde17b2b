"""A subscription to both channels, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
from redis.asyncio import ConnectionPool

from coffeert.errors import RedisUnavailable
from coffeert.redis_bus import keys
from coffeert.redis_bus.connection import redis_errors
from coffeert.wire.bus import BatchesCommitted, PassMessage, decode_batches, decode_pass, is_from
from coffeert.wire.validation import NOT_DECODED

SILENCE: Final = 1.0
"""Seconds without a word from Redis after which it is asked whether it is there."""

_QUESTIONS = 2  # unanswered ones, after which the link is dead: with the last wait, 3 s
_AT_A_TIME = 64


class Subscribed(msgspec.Struct, frozen=True):
    """The subscription stands: whatever is published from now on arrives. Read the snapshot now."""


BusEvent = Subscribed | PassMessage | BatchesCommitted


class Subscription:
    """Reads both channels.

    Speaks through a bare connection: the library's own subscription reconnects and subscribes again
    without a word, and a gap that nobody notices is the one thing a reader must not have.

    A reader that is slow leaves messages in the socket; Redis closes a link that falls too far behind.
    Hot batches of the sender `passed_over` are not read.
    """

    def __init__(self, pool: ConnectionPool, *, passed_over: str) -> None:
        self.received = 0
        self.skipped = 0
        self._read_through = 0
        self._pool = pool
        self._passed_over = passed_over

    async def events(self) -> AsyncGenerator[BusEvent, None]:
        """Yield `Subscribed`, then each message; raises `RedisUnavailable` when the link breaks."""
        with redis_errors():
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call] # decorated
        try:
            with redis_errors():
                channels = keys.PASS_CHANNEL, keys.BATCHES_CHANNEL
                await connection.send_command("SUBSCRIBE", *channels)
                for _ in channels:
                    await connection.read_response()
            yield Subscribed()
            unanswered = 0
            while True:
                with redis_errors():
                    reply = await connection.read_response(timeout=SILENCE)
                    if reply is None:
                        if unanswered == _QUESTIONS:
                            raise RedisUnavailable("Redis has fallen silent.")
                        unanswered += 1
                        await connection.send_command("PING")
                        continue
                unanswered = 0
                if (event := self._read(reply)) is not None:
                    yield event
                self._read_through += 1
                if self._read_through % _AT_A_TIME == 0:
                    # What is already here is read without waiting; let others have a turn.
                    await asyncio.sleep(0)
        finally:
            with redis_errors():
                await connection.disconnect(nowait=True)
                await self._pool.release(connection)

    def _read(self, reply: list[bytes]) -> PassMessage | BatchesCommitted | None:
        if reply[0] != b"message":  # the answer to a question
            return None
        _, channel, data = reply
        if is_from(self._passed_over, data):
            return None
        decode = decode_pass if channel == keys.PASS_CHANNEL.encode() else decode_batches
        try:
            event: PassMessage | BatchesCommitted = decode(data)
        except (*NOT_DECODED, ValueError):
            self.skipped += 1
            return None
        self.received += 1
        return event
