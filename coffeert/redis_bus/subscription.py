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

SILENCE_SECONDS: Final = 1.0
"""Seconds without anything from Redis after which it is sent a PING."""

_MAX_UNANSWERED_PINGS = 2  # then the connection is dead: with the last wait, after 3 s
_MESSAGES_PER_TURN = 64


class Subscribed(msgspec.Struct, frozen=True):
    """The subscription is active: all that is published from now on arrives. Read the snapshot now."""


BusEvent = Subscribed | PassMessage | BatchesCommitted


class Subscription:
    """Reads both channels, except for the batches of `ignored_sender`.

    It uses a bare connection: the library's own subscription reconnects and subscribes again silently, and
    a gap that goes unnoticed is the one thing that a reader must not have.

    Messages that are not read yet stay in the socket; Redis closes a connection that is too far behind.
    """

    def __init__(self, pool: ConnectionPool, *, ignored_sender: str) -> None:
        self.received = 0
        self.skipped = 0
        self._messages_read = 0
        self._pool = pool
        self._ignored_sender = ignored_sender

    async def events(self) -> AsyncGenerator[BusEvent, None]:
        """Yield `Subscribed`, then each message; raises `RedisUnavailable` when the connection breaks."""
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
                    reply = await connection.read_response(timeout=SILENCE_SECONDS)
                    if reply is None:
                        if unanswered == _MAX_UNANSWERED_PINGS:
                            raise RedisUnavailable("Redis has stopped answering.")
                        unanswered += 1
                        await connection.send_command("PING")
                        continue
                unanswered = 0
                if (event := self._read(reply)) is not None:
                    yield event
                self._messages_read += 1
                if self._messages_read % _MESSAGES_PER_TURN == 0:
                    # Messages that are here already are read without waiting: let other tasks run.
                    await asyncio.sleep(0)
        finally:
            with redis_errors():
                await connection.disconnect(nowait=True)
                await self._pool.release(connection)

    def _read(self, reply: list[bytes]) -> PassMessage | BatchesCommitted | None:
        if reply[0] != b"message":  # the answer to a PING
            return None
        _, channel, data = reply
        if is_from(self._ignored_sender, data):
            return None
        decode = decode_pass if channel == keys.PASS_CHANNEL.encode() else decode_batches
        try:
            event: PassMessage | BatchesCommitted = decode(data)
        except (*NOT_DECODED, ValueError):
            self.skipped += 1
            return None
        self.received += 1
        return event
