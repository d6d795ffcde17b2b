"""Faults of Redis and of the way there."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from typing import Any

from redis.asyncio import Redis

from tests.torture.faults.fault import Fault
from tests.torture.faults.weather import bad_weather
from tests.torture.stage import Stage
from tests.waiting import eventually

_SNAPSHOT = "{coffeert}:v3:snapshot"
_FAR = "9999-12-31T23:59:59.000000+00:00"
_STRANGE_METAS: tuple[dict[str, object], ...] = (
    {},
    {"lineage": "another", "token": 10**6, "data_time": _FAR},
    {"token": 10**6, "data_time": _FAR},
    {"number": 10**9, "data_time": _FAR},
    {"nonce": "another"},
)


class RedisKilled(Fault):
    """Redis dies and comes back empty."""

    name = "Redis SIGKILL, restarted empty"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Kill it and start it."""
        pid = stage.valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: not stage.valkey.is_running())
        await asyncio.sleep(0.3 + rng.random())
        stage.lift()
        await asyncio.to_thread(stage.valkey.start)


class RedisFlushed(Fault):
    """Somebody empties Redis."""

    name = "Redis FLUSHALL"
    strikes = 4

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Flush everything, scripts too."""
        async with Redis.from_url(stage.valkey.url) as redis:
            await redis.flushall()
            await redis.script_flush()
        stage.lift()
        await asyncio.sleep(rng.random() * 0.5)


class RedisWrongValues(Fault):
    """Somebody writes what is well formed and wrong: figures, or which pass they are of."""

    name = "wrong well-formed values in Redis"
    strikes = 4

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Change buckets or the meta, and have every server subscribe again."""
        async with Redis.from_url(stage.valkey.url) as client:
            redis: Any = client
            fields = await redis.hgetall(_SNAPSHOT)
            while not fields:
                fields = await redis.hgetall(_SNAPSHOT)
            meta = json.loads(fields.pop(b"meta"))
            buckets = [name for name in fields if b":" in name]
            changes: dict[bytes, object] = {}
            for name in rng.sample(buckets, min(4, len(buckets))):
                bucket = json.loads(fields[name])
                changes[name] = [*bucket[:3], [n + 1000 for n in bucket[3]], *bucket[4:]]
            strange: dict[str, object] = rng.choice(_STRANGE_METAS)
            changes[b"meta"] = meta | strange
            await redis.hset(_SNAPSHOT, mapping={n: json.dumps(v) for n, v in changes.items()})
            await redis.client_kill_filter(_type="pubsub")
        stage.lift()
        await asyncio.sleep(rng.random())


class RedisBehindBadNetwork(Fault):
    """The way to Redis is cut, slow, dripping and half closed."""

    name = "network to Redis: cut, delay, drip, half-close"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Go through the moods in a seeded order."""
        await bad_weather(stage.before_redis, rng)
        stage.lift()
