"""What is published reaches every bus, without a gap and whatever else is on the channels."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

import msgspec
import pytest

from coffeert.cancellation import end
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import tally_orders
from coffeert.domain.watermark import Xid
from coffeert.errors import ConfigError, RedisUnavailable
from coffeert.redis_bus import keys, subscription
from coffeert.redis_bus.bus import Bus, BusEvent, Subscribed
from coffeert.wire.bus import BatchesCommitted, PassMessage, encode
from tests.integration.redis_bus.pass_factory import PassFactory, publish
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from redis import Redis

    from coffeert.redis_bus.publisher import RedisPublisher

WITHIN = 10.0


def hot(xid: int) -> BatchesCommitted:
    order = PassFactory().order()
    batches = PendingBatches.of({Xid(xid): tally_orders([order])})
    return BatchesCommitted.of("another", "lineage-1", batches, [order])


async def hear(events: AsyncGenerator[BusEvent, None]) -> BusEvent:
    async with asyncio.timeout(WITHIN):
        return await anext(events)


async def hear_xids(events: AsyncGenerator[BusEvent, None], count: int) -> list[int]:
    heard = [await hear(events) for _ in range(count)]
    return [xid for batch in heard if isinstance(batch, BatchesCommitted) for xid in batch.xids]


@pytest.mark.parametrize("prefix", ["coffeert:", f"coffeert:v{keys.PROTOCOL + 1}:"])
async def test_versions_of_other_protocols_do_not_read_each_other(
    bus: Bus, publisher: RedisPublisher, redis: Redis, prefix: str
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    async with aclosing(bus.messages()) as events:
        assert await hear(events) == Subscribed()
        for channel in ("passes", "hot"):
            redis.publish(prefix + channel, encode(hot(1)))
        redis.publish(keys.BATCHES_CHANNEL, encode(hot(2)))
        assert await hear(events) == hot(2)
    assert await bus.load_snapshot() is not None
    for key in list(redis.scan_iter()):
        redis.rename(key, key.decode().replace(keys.PREFIX, prefix))
    assert await bus.load_snapshot() is None


async def test_passes_and_committed_batches_are_received_once_subscribed(
    bus: Bus, publisher: RedisPublisher
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count())
    async with aclosing(bus.messages()) as events:
        assert await hear(events) == Subscribed()
        made = factory.count(factory.order())
        await publish(publisher, made)
        assert await hear(events) == made.message
        bus.publish_batches(hot(7))
        assert await hear(events) == hot(7)
    assert bus.counts.received == 2


async def test_committed_batches_of_one_bus_reach_another_in_order(bus: Bus, other: Bus) -> None:
    async with aclosing(other.messages()) as events:
        await hear(events)
        for xid in range(200):
            bus.publish_batches(hot(xid))
        assert await hear_xids(events, 200) == list(range(200))
    await eventually(lambda: bus.counts.published == 200)
    assert bus.counts.dropped == 0


async def test_a_bus_passes_over_its_own_batches(bus: Bus, other: Bus) -> None:
    async with aclosing(bus.messages()) as events:
        await hear(events)
        for xid in range(100):
            bus.publish_batches(msgspec.structs.replace(hot(xid), sender=bus.name))
        other.publish_batches(msgspec.structs.replace(hot(100), sender=other.name))
        assert await hear_xids(events, 1) == [100]
    assert bus.counts.received == 1
    assert bus.counts.skipped == 0


async def test_subscribing_before_reading_leaves_no_gap(
    bus: Bus, publisher: RedisPublisher
) -> None:
    """Readers that come while passes are published end with the newest cube from changes alone."""
    factory = PassFactory()
    finished = asyncio.Event()

    async def publish_on() -> None:
        while not finished.is_set():
            await publish(publisher, factory.count(factory.order()))

    async def follow() -> None:
        async with aclosing(bus.messages()) as events:
            assert await hear(events) == Subscribed()
            stored = await bus.load_snapshot()
            assert stored is not None
            number = stored[0].number
            cells = dict(stored[0].cells)
            for _ in range(20):
                message = await hear(events)
                assert isinstance(message, PassMessage)
                if message.number <= number:
                    continue
                assert message.number == number + 1
                number = message.number
                assert message.cells is not None
                assert {cell.orders for cell in message.cells} == {number}
                assert max(t.orders for t in cells.values()) < number
        return

    await publish(publisher, factory.count(factory.order()))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish_on())
        for _ in range(8):
            await asyncio.gather(*(follow() for _ in range(3)))
        finished.set()


async def test_what_cannot_be_read_is_counted_and_skipped(bus: Bus, redis: Redis) -> None:
    good = PassFactory().count().message
    senseless = [
        msgspec.structs.replace(good, watermark="1:2"),
        msgspec.structs.replace(good, previous="1:2"),
        msgspec.json.decode(encode(good)) | {"cells": [[3, 0, "uptown", "latte", 1, 1, 480]]},
        msgspec.json.decode(encode(good)) | {"number": "one"},
    ]
    junk = [b"", b"\xff", b"{}", b"null", b'{"x":' + b"[" * 5000, *map(encode, senseless)]
    async with aclosing(bus.messages()) as events:
        await hear(events)
        for data in junk:
            redis.publish("{coffeert}:v3:passes", data)
            redis.publish("{coffeert}:v3:hot", data)
        redis.publish("{coffeert}:v3:passes", encode(good))
        assert await hear(events) == good
    assert bus.counts.skipped == 2 * len(junk)
    assert bus.counts.received == 1


async def test_a_silent_link_is_asked_and_kept(
    bus: Bus, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_SECONDS", 0.01)

    def questions() -> int:
        stats: dict[str, dict[str, int]] = redis.info("commandstats")
        return stats.get("cmdstat_ping", {"calls": 0})["calls"]

    async with aclosing(bus.messages()) as events:
        await hear(events)
        waiting = asyncio.ensure_future(anext(events))
        await eventually(lambda: questions() > 5)
        redis.publish("{coffeert}:v3:hot", encode(hot(1)))
        assert await waiting == hot(1)


async def test_nothing_piles_up_for_a_reader_that_lags(bus: Bus, redis: Redis) -> None:
    large = encode(msgspec.structs.replace(hot(1), lineage="x" * 100_000))

    def publish_20_megabytes() -> None:
        for _ in range(200):
            redis.publish("{coffeert}:v3:hot", large)

    async with aclosing(bus.messages()) as events:
        await hear(events)
        tracemalloc.start()
        try:
            await asyncio.to_thread(publish_20_megabytes)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4_000_000
        assert len(await hear_xids(events, 200)) == 200


async def test_a_reader_that_redis_disconnects_gets_an_error_and_may_subscribe_again(
    bus: Bus, redis: Redis
) -> None:
    async with aclosing(bus.messages()) as events:
        await hear(events)
        redis.publish("{coffeert}:v3:hot", encode(hot(1)))
        redis.client_kill_filter(_type="pubsub")
        redis.publish("{coffeert}:v3:hot", encode(hot(2)))
        assert await hear_xids(events, 1) == [1]
        with pytest.raises(RedisUnavailable):
            await hear(events)
    async with aclosing(bus.messages()) as events:
        assert await hear(events) == Subscribed()


async def test_a_reader_that_leaves_takes_its_connection_along(bus: Bus, redis: Redis) -> None:
    async with aclosing(bus.messages()) as events:
        async for event in events:
            assert event == Subscribed()
            break
        assert subscribers(redis) == 1
    await eventually(lambda: subscribers(redis) == 0)


async def test_a_reader_that_is_cancelled_takes_its_connection_along(
    bus: Bus, redis: Redis
) -> None:
    async def follow() -> None:
        async for _ in bus.messages():
            pass

    task = asyncio.create_task(follow())
    await eventually(lambda: subscribers(redis) == 1)
    await end(task)
    assert task.cancelled()
    await eventually(lambda: subscribers(redis) == 0)


async def test_closing_ends_the_readers(bus: Bus, redis: Redis) -> None:
    events = bus.messages()
    await hear(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    await bus.close()
    with pytest.raises(RedisUnavailable):
        await waiting
    await eventually(lambda: subscribers(redis) == 0)


async def test_closing_sends_what_waits_and_drops_what_comes_later(bus: Bus, other: Bus) -> None:
    async with aclosing(bus.messages()) as events:
        await hear(events)
        for xid in range(100):
            other.publish_batches(hot(xid))
        await other.close()
        other.publish_batches(hot(100))
        assert await hear_xids(events, 100) == list(range(100))
    assert other.counts.published == 100
    assert other.counts.dropped == 1


async def test_a_full_queue_drops_the_oldest(bus: Bus, other: Bus) -> None:
    async with aclosing(bus.messages()) as events:
        await hear(events)
        for xid in range(1000):
            other.publish_batches(hot(xid))
        assert await hear_xids(events, 512) == list(range(488, 1000))
    assert other.counts.dropped == 488


async def test_a_batch_that_cannot_be_written_down_takes_no_other_with_it(
    bus: Bus, other: Bus
) -> None:
    async with aclosing(bus.messages()) as events:
        await hear(events)
        for batch in (hot(1), msgspec.structs.replace(hot(2), lineage="\ud800"), hot(3)):
            other.publish_batches(batch)
        assert await hear_xids(events, 2) == [1, 3]
    await eventually(lambda: (other.counts.published, other.counts.dropped) == (2, 1))


async def test_a_ping_tells_the_round_trip_and_the_memory(bus: Bus) -> None:
    figures = await bus.probe()
    assert figures.round_trip_ms > 0
    assert figures.used_memory > 100_000


async def test_a_user_without_the_right_to_ask_for_memory_gets_none(
    redis: Redis, redis_url: str, opened: AsyncExitStack
) -> None:
    redis.acl_setuser(
        "guest", enabled=True, passwords=["+secret"], keys=["*"], channels=["*"],
        categories=["+@all"], commands=["-info"],
    )  # fmt: skip
    try:
        guest = Bus(redis_url.replace("unix://", "unix://guest:secret@"))
        opened.push_async_callback(guest.close)
        assert (await guest.probe()).used_memory == 0
        stranger = Bus(redis_url.replace("unix://", "unix://guest:wrong-secret@"))
        opened.push_async_callback(stranger.close)
        with pytest.raises(RedisUnavailable) as refused:
            await stranger.probe()
        assert "secret" not in str(refused.value)
    finally:
        redis.acl_deluser("guest")


async def test_an_option_in_the_address_does_not_change_what_is_read(
    redis_url: str, publisher: RedisPublisher, opened: AsyncExitStack
) -> None:
    bus = Bus(f"{redis_url}?decode_responses=true&protocol=3")
    opened.push_async_callback(bus.close)
    factory = PassFactory()
    async with aclosing(bus.messages()) as events:
        await hear(events)
        made = factory.count(factory.order())
        await publish(publisher, made)
        assert await hear(events) == made.message
    stored = await bus.load_snapshot()
    assert stored is not None
    assert stored[0] == made.snapshot


async def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError):
        Bus("localhost")


def subscribers(redis: Redis) -> int:
    counts: list[tuple[bytes, int]] = redis.pubsub_numsub("{coffeert}:v3:hot")  # type: ignore[assignment]
    return counts[0][1]
