"""Redis may be away, restarted or frozen: every call says so in time, and works again by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from coffeert.errors import RedisUnavailable
from coffeert.redis_bus import subscription
from coffeert.redis_bus.bus import Bus, Subscribed
from coffeert.redis_bus.publisher import RedisPublisher
from tests.integration.redis_bus.pass_factory import STATS, PassFactory, publish
from tests.integration.redis_bus.test_bus import hear, hot
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from coffeert.embedded import ValkeyServer


@pytest.fixture
async def bus(own_valkey: ValkeyServer) -> AsyncIterator[Bus]:
    """A bus on a Redis that the test may stop."""
    bus = Bus(own_valkey.url)
    yield bus
    await bus.close()


@pytest.fixture
async def publisher(own_valkey: ValkeyServer) -> AsyncIterator[RedisPublisher]:
    """A publisher to a Redis that the test may stop."""
    publisher = RedisPublisher(own_valkey.url)
    yield publisher
    await publisher.close()


@pytest.fixture
def freeze(own_valkey: ValkeyServer) -> Iterator[Callable[[], None]]:
    """Stops the process of Redis without ending it; thawed afterwards."""
    pid = own_valkey.pid
    assert pid is not None
    yield lambda: os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)


async def test_everything_works_again_after_a_restart(
    bus: Bus, publisher: RedisPublisher, own_valkey: ValkeyServer
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    async with aclosing(bus.messages()) as events:
        await hear(events)
        own_valkey.stop()
        with pytest.raises(RedisUnavailable):
            await hear(events)
    for call in (
        bus.probe,
        bus.load_snapshot,
        lambda: publish(publisher, factory.count(factory.order())),
    ):
        with pytest.raises(RedisUnavailable):
            await call()
    own_valkey.start()
    assert await bus.load_snapshot() is None
    async with aclosing(bus.messages()) as events:
        assert await hear(events) == Subscribed()
        made = factory.count(factory.order())
        await publish(publisher, made)
        assert await hear(events) == made.message
    assert await bus.load_snapshot() == (made.snapshot, STATS)


async def test_connections_that_broke_while_idle_are_not_used(
    bus: Bus, publisher: RedisPublisher, own_valkey: ValkeyServer
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    await bus.probe()
    await asyncio.to_thread(own_valkey.stop)
    own_valkey.start()
    made = factory.count(factory.order())
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)


@pytest.mark.long
async def test_a_frozen_redis_is_noticed(
    bus: Bus, freeze: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.1)
    async with aclosing(bus.messages()) as events:
        await hear(events)
        freeze()
        with pytest.raises(RedisUnavailable, match=r"^Redis has stopped answering\.$"):
            await hear(events)
    with pytest.raises(RedisUnavailable, match="Timeout"):
        await bus.probe()


async def test_committed_batches_never_wait_for_an_unreachable_redis(
    bus: Bus, own_valkey: ValkeyServer
) -> None:
    bus.publish_batches(hot(1))
    await eventually(lambda: bus.counts.published == 1)
    own_valkey.stop()
    for xid in range(2, 100):
        bus.publish_batches(hot(xid))
    await eventually(lambda: bus.counts.dropped == 98)
    own_valkey.start()
    async with aclosing(bus.messages()) as events:
        await hear(events)
        bus.publish_batches(hot(100))
        assert await hear(events) == hot(100)
    await eventually(lambda: bus.counts.published == 2)


async def test_closing_does_not_wait_for_a_frozen_redis(
    own_valkey: ValkeyServer, freeze: Callable[[], None]
) -> None:
    bus = Bus(own_valkey.url)
    await bus.probe()
    freeze()
    for xid in range(10):
        bus.publish_batches(hot(xid))
    async with asyncio.timeout(5):
        await bus.close()
    assert bus.counts.dropped == 10
