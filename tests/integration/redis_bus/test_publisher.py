"""A publish leaves in Redis exactly the cube that it was given, whatever lay there before."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from coffeert.domain.rollups import GRAINS, SECONDS, CellKey, Totals, floor
from coffeert.errors import ConfigError, RedisUnavailable
from coffeert.redis_bus.publisher import MAX_CELLS, RedisPublisher, plan_publish
from tests.integration.redis_bus.contents import contents, found_for_people, keys_for_people
from tests.integration.redis_bus.pass_factory import STATS, Pass, PassFactory, publish

if TYPE_CHECKING:
    from redis import Redis

    from coffeert.redis_bus.bus import Bus


async def test_the_snapshot_and_the_stats_are_read_back(
    publisher: RedisPublisher, bus: Bus
) -> None:
    factory = PassFactory()
    assert await bus.load_snapshot() is None
    made = factory.count(factory.order(), factory.order("central", "tea", ago=timedelta(days=3)))
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)


async def test_people_find_hours_top_drinks_and_recent_orders(
    publisher: RedisPublisher, redis: Redis
) -> None:
    factory = PassFactory()
    made = factory.count(
        factory.order(quantity=2), factory.order(drink="tea"), factory.order(ago=timedelta(days=2))
    )
    await publish(publisher, made)
    assert redis.hget("{coffeert}:v3:hour:2026-03-28T22:00", "uptown/latte:orders") == b"1"
    assert redis.hget("{coffeert}:v3:hour:2026-03-28T22:00", "uptown/latte:quantity") == b"2"
    assert redis.hget("{coffeert}:v3:hour:2026-03-28T22:00", "total:revenue_cents") == b"1440"
    assert redis.zrevrange("{coffeert}:v3:top-drinks:30d", 0, -1, withscores=True) == [
        (b"latte", 2),
        (b"tea", 1),
    ]
    assert found_for_people(contents(redis)) == keys_for_people(made)


async def test_nothing_lives_for_ever(publisher: RedisPublisher, redis: Redis) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order(), factory.order(ago=timedelta(hours=20))))
    lives = {key: redis.ttl(key) for key in redis.keys("*")}
    assert len(lives) == 7
    assert all(0 < seconds <= 7 * 86400 for seconds in lives.values()), lives


@pytest.mark.long
async def test_a_pass_writes_the_buckets_that_it_changed_and_two_more_in_turn() -> None:
    factory = PassFactory()
    cells = {
        CellKey(grain, floor(factory.cube.retention.as_of, grain) - back * SECONDS[grain], s, d): (
            Totals(1, 2, 960)
        )
        for grain in GRAINS
        for back in range(24)
        for s in map("store-{}".format, range(30))
        for d in map("drink-{}".format, range(60))
    }
    for key, tally in cells.items():
        factory.cube.set(key, tally)
    made = factory.count(*(factory.order(f"store-{n}", "drink-7") for n in range(17)))
    plan, fields = plan_publish(made.message, made.cube, made.recent, whole=False)
    assert fields[::2] == [
        "recent", "minute:2026-03-28T22:09", "minute:2026-03-28T22:10",
        "minute:2026-03-28T22:30", "hour:2026-03-28T22:00", "day:2026-03-28",
    ]  # fmt: skip
    assert len(plan.live) == 3 * 24
    assert [len(hour.fields) for hour in plan.hours] == [2 * 3 * (17 + 1)]


async def test_passes_without_changes_write_every_bucket_in_turn() -> None:
    factory = PassFactory()
    factory.count(*(factory.order(ago=timedelta(minutes=n)) for n in range(20)))
    plan, _ = plan_publish(factory.made({}).message, factory.cube, (), whole=True)
    written: list[str | bytes] = []
    for _ in range(-(-len(plan.live) // 2)):
        made = factory.count(wait=timedelta(seconds=1))
        _, fields = plan_publish(made.message, made.cube, made.recent, whole=False)
        assert len(fields[::2]) == 3
        written += fields[2::2]
    assert set(written) == set(plan.live)
    empty = PassFactory().count()
    assert plan_publish(empty.message, empty.cube, (), whole=False)[1][::2] == ["recent"]


async def test_large_hours_are_written_whole(
    publisher: RedisPublisher, bus: Bus, redis: Redis
) -> None:
    """More fields than fit on the stack of Lua."""
    factory = PassFactory()
    key = CellKey("hour", floor(factory.cube.retention.as_of, "hour"), "", "")
    for number in range(3000):
        name = f"store-{number}"
        factory.cube.set(key._replace(store=name, drink="tea"), Totals(1, 1, 290))
    made = factory.count(factory.order())
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)
    emptied = {}
    for number in range(3000):
        cell = key._replace(store=f"store-{number}", drink="tea")
        factory.cube.set(cell, Totals(0, 0, 0))
        emptied[cell] = Totals(0, 0, 0)
    factory.number += 1
    made = factory.made(emptied)
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)
    assert found_for_people(contents(redis)) == keys_for_people(made)


async def test_too_many_cells_for_a_message_are_left_to_the_snapshot(
    publisher: RedisPublisher, bus: Bus, opened: AsyncExitStack
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    events = await opened.enter_async_context(aclosing(bus.messages()))
    await anext(events)
    made = factory.count(
        *(factory.order(f"store-{n}", "tea", ago=timedelta(hours=2)) for n in range(MAX_CELLS))
    )
    assert made.message.cells is not None
    assert len(made.message.cells) > MAX_CELLS
    await publish(publisher, made)
    assert await anext(events) == msgspec.structs.replace(made.message, cells=None)
    assert await bus.load_snapshot() == (made.snapshot, STATS)


async def test_a_pass_that_does_not_say_what_it_changed_is_written_whole(
    publisher: RedisPublisher, bus: Bus
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    factory.count(factory.order(drink="tea"))
    made = factory.made({})
    message = msgspec.structs.replace(made.message, cells=None)
    unknown = Pass(message, made.cube, made.recent)
    await publish(publisher, unknown)
    assert await bus.load_snapshot() == (unknown.snapshot, STATS)


async def test_the_script_may_be_forgotten(
    publisher: RedisPublisher, bus: Bus, redis: Redis
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    redis.script_flush()
    made = factory.count(factory.order())
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)


async def test_no_reader_sees_a_part_of_a_pass(publisher: RedisPublisher, bus: Bus) -> None:
    """Every cell of a pass holds its number; three readers look all the time."""
    factory = PassFactory()
    spread = [timedelta(minutes=7 * n) for n in range(40)]
    done = False
    seen = []

    async def read() -> None:
        while not done:
            stored = await bus.load_snapshot()
            if stored is not None:
                number = stored[0].number
                minutes = [t for k, t in stored[0].cells.items() if k.grain == "minute"]
                assert {tally.orders for tally in minutes} == {number}
                assert len(minutes) == 9  # of those spread, what the last 60 minutes hold
                assert sum(t.orders for k, t in stored[0].cells.items() if k.grain == "day") == (
                    40 * number
                )
                seen.append(number)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(read())
        while len(set(seen)) < 30:
            await publish(publisher, factory.count(*(factory.order(ago=ago) for ago in spread)))
        done = True


async def test_a_full_redis_keeps_the_last_snapshot(
    publisher: RedisPublisher, bus: Bus, redis: Redis
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    before = contents(redis)
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(RedisUnavailable, match="maxmemory"):
            await publish(publisher, factory.count(factory.order(), wait=timedelta(minutes=90)))
    finally:
        redis.config_set("maxmemory", 0)
    assert contents(redis) == before
    made = factory.count(factory.order())
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://:secret@h", "redis://h:x", "redis://h?a=secret"]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        RedisPublisher(url)
    assert "secret" not in str(refused.value)


async def test_nobody_there_is_one_plain_sentence_without_the_password(
    opened: AsyncExitStack,
) -> None:
    factory = PassFactory()
    publisher = RedisPublisher("redis://:secret@127.0.0.1:1/0")
    opened.push_async_callback(publisher.close)
    with pytest.raises(RedisUnavailable, match=r"^Redis cannot be used: .*\.$") as failed:
        await publish(publisher, factory.count(factory.order()))
    assert "secret" not in str(failed.value)


async def test_another_service_at_the_address_is_reported(opened: AsyncExitStack) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        publisher = RedisPublisher(f"redis://127.0.0.1:{port}")
        opened.push_async_callback(publisher.close)
        with pytest.raises(RedisUnavailable):
            await publish(publisher, PassFactory().count())
