"""Faults of Redis and of the way there."""

from __future__ import annotations

import asyncio
import os
import random
import signal

from redis.asyncio import Redis

from tests.torture.faults.fault import Fault
from tests.torture.faults.weather import bad_weather
from tests.torture.stage import Stage
from tests.waiting import eventually


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


class RedisBehindBadNetwork(Fault):
    """The way to Redis is cut, slow, dripping and half closed."""

    name = "network to Redis: cut, delay, drip, half-close"

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Go through the moods in a seeded order."""
        await bad_weather(stage.before_redis, rng)
        stage.lift()
