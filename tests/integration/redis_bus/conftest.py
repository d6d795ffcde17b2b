"""Both ends of Redis, and an eye of the test's own on what lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import Redis

from coffeert.redis_bus.bus import Bus
from coffeert.redis_bus.publisher import RedisPublisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
async def publisher(redis_url: str) -> AsyncIterator[RedisPublisher]:
    """A publisher to the test's Redis."""
    publisher = RedisPublisher(redis_url)
    yield publisher
    await publisher.close()


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    """A bus on the test's Redis."""
    bus = Bus(redis_url)
    yield bus
    await bus.close()


@pytest.fixture
async def other(redis_url: str) -> AsyncIterator[Bus]:
    """A second bus there."""
    bus = Bus(redis_url)
    yield bus
    await bus.close()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client that is not ours; answers are bytes."""
    with Redis.from_url(redis_url) as client:
        yield client
