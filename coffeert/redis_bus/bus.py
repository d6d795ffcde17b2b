"""The bus: messages between servers, and from the aggregator to servers, through Redis."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import AsyncGenerator
from typing import cast

import msgspec
import structlog
from redis.exceptions import NoPermissionError, ResponseError

from coffeert.domain.view import RollupSnapshot
from coffeert.errors import ProtocolMismatch
from coffeert.redis_bus import keys
from coffeert.redis_bus.connection import FULL, close_client, open_client, redis_errors
from coffeert.redis_bus.sender import MessageSender
from coffeert.redis_bus.snapshot import META, Meta, decode_meta, decode_snapshot
from coffeert.redis_bus.subscription import BusEvent, Subscribed, Subscription
from coffeert.wire.bus import BatchesCommitted, PassStats

__all__ = ["Bus", "BusCounts", "BusEvent", "RedisFigures", "Subscribed"]

_PROTOCOL = re.compile(rb"[0-9]{1,3}")

log = structlog.get_logger(__name__)


class RedisFigures(msgspec.Struct, frozen=True):
    """The time of a round trip to Redis, and its bytes of memory (0 if it does not say).

    `obstacle` says why passes cannot be published there, or not be read.
    """

    round_trip_ms: float
    used_memory: int
    obstacle: str | None = None


class BusCounts(msgspec.Struct, frozen=True):
    """Messages so far: batches sent and dropped; all kinds received and skipped as unreadable."""

    published: int
    dropped: int
    received: int
    skipped: int


class Bus:
    """One process's connection to Redis, made when first used, inside of a running event loop."""

    def __init__(self, url: str) -> None:
        """Prepare for the Redis at `url`; raises `ConfigError` if that is not a Redis URL."""
        self.name = uuid.uuid4().hex[:12]
        self._client = open_client(url)
        self._sender = MessageSender(self._client)
        self._subscription = Subscription(self._client.connection_pool, ignored_sender=self.name)

    @property
    def counts(self) -> BusCounts:
        return BusCounts(
            self._sender.published,
            self._sender.dropped,
            self._subscription.received,
            self._subscription.skipped,
        )

    def publish_batches(self, message: BatchesCommitted) -> None:
        """Send committed batches in the background. Never waits, never raises.

        They are dropped if Redis is away or slow, which costs freshness until the next pass.
        """
        self._sender.put(message)

    def messages(self) -> AsyncGenerator[BusEvent, None]:
        """Yield `Subscribed`, then every readable message of both channels except for one's own batches.

        Load the snapshot after `Subscribed`, not before: only then is there no gap between the two.
        Raises `RedisUnavailable` when the connection breaks, or about 3 s after Redis stops answering.
        The generator holds a connection: close it (`contextlib.aclosing`) to leave it early.
        """
        return self._subscription.events()

    async def load_snapshot(self) -> tuple[RollupSnapshot, PassStats] | None:
        """Read the snapshot of the last published pass, all of it as of that pass.

        `None` if there is none, or none that this version can read. Raises `RedisUnavailable`.
        """
        with redis_errors():
            try:
                fields = cast("dict[bytes, bytes]", await self._client.hgetall(keys.SNAPSHOT))
            except ResponseError as error:
                if not str(error).startswith("WRONGTYPE"):
                    raise
                log.warning("snapshot ignored", reason="its key holds another type")
                return None
        if not fields:
            return None
        try:
            return await decode_snapshot(fields)
        except ValueError as error:
            log.warning("snapshot ignored", reason=str(error))
            return None

    async def load_meta(self) -> Meta | None:
        """Read only which pass the snapshot is of; `None` as in `load_snapshot`.

        Raises `RedisUnavailable`.
        """
        with redis_errors():
            try:
                data = cast("bytes | None", await self._client.hget(keys.SNAPSHOT, META))
            except ResponseError:  # another type
                return None
        return None if data is None else decode_meta(data)

    async def store_login_code(self, digest: str, seconds: int) -> None:
        """Remember the code of a link to the page; raises `RedisUnavailable`."""
        with redis_errors():
            await self._client.set(keys.login_code(digest), b"1", ex=seconds)

    async def take_login_code(self, digest: str) -> bool:
        """Forget the code of a link, and return True if it was remembered, to one caller of all processes.

        Raises `RedisUnavailable`.
        """
        with redis_errors():
            return bool(await self._client.delete(keys.login_code(digest)))

    async def want_feed_ticks(self, seconds: float) -> None:
        """Ask the leader for ticks of the feed between its passes; raises `RedisUnavailable`."""
        with redis_errors():
            await self._client.set(keys.FEED_WANTED, b"1", px=round(seconds * 1e3))

    async def check_protocol(self) -> None:
        """Raise `ProtocolMismatch` if a newer version publishes here, and `RedisUnavailable`."""
        with redis_errors():
            found = await self._protocol_in_use()
        if found is not None and found > keys.PROTOCOL:
            raise ProtocolMismatch(keys.another_protocol(found))

    async def probe(self) -> RedisFigures:
        """Measure the round trip of a write that changes nothing; raises `RedisUnavailable`."""
        with redis_errors():
            started = time.perf_counter()
            await self._client.delete(keys.NOTHING)
            round_trip_ms = (time.perf_counter() - started) * 1000
            obstacle = None
            if (found := await self._protocol_in_use()) not in {None, keys.PROTOCOL}:
                obstacle = keys.another_protocol(found)
            try:
                memory = await self._client.info("memory")
            except NoPermissionError:
                memory = {}
        used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
        if 0 < most < used and memory.get("maxmemory_policy") == "noeviction":
            obstacle = f"Redis cannot be used: {FULL}."
        return RedisFigures(round_trip_ms, used, obstacle or self._sender.obstacle)

    async def _protocol_in_use(self) -> int | None:
        """Return the protocol of the version that publishes; `None` if none does."""
        try:
            text = cast("bytes | None", await self._client.get(keys.PROTOCOL_IN_USE)) or b""
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            return None
        if not _PROTOCOL.fullmatch(text) or await self._client.ttl(keys.PROTOCOL_IN_USE) < 0:
            return None  # not of ours, whose name expires
        return int(text)

    async def close(self) -> None:
        """Send what is queued, for at most a second, and close every connection."""
        await self._sender.close()
        await close_client(self._client)
