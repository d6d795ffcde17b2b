"""What a person deletes, or puts in the place of something, is put right with the next pass."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import CapturingLogger

from coffeert.errors import Fenced
from coffeert.redis_bus import keys
from coffeert.redis_bus.publisher import RedisPublisher
from tests.integration.redis_bus.contents import contents, found_for_people, keys_for_people
from tests.integration.redis_bus.pass_factory import STATS, PassFactory, publish

if TYPE_CHECKING:
    from redis import Redis

    from coffeert.redis_bus.bus import Bus


@pytest.mark.parametrize("field", ["meta", "recent", "hour:2026-03-28T21:00", "day:2026-03-28"])
async def test_a_field_that_is_lost_is_back_with_the_next_pass(
    publisher: RedisPublisher, bus: Bus, redis: Redis, field: str
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order(ago=timedelta(hours=1))))
    assert redis.hdel("{coffeert}:v3:snapshot", field) == 1
    made = factory.count()
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)


async def test_a_key_that_is_lost_is_back_with_the_next_pass(
    publisher: RedisPublisher, redis: Redis
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order(), factory.order(ago=timedelta(hours=1))))
    whole = contents(redis)
    for key in whole:
        redis.delete(key)
        await publish(publisher, factory.count())
        assert contents(redis).keys() == whole.keys()


@pytest.mark.parametrize(
    "junk",
    [b"", b"junk", b"{}", b"[]", b"null", b'{"lineage": null}', b'{"x":' + b"[" * 5000],
    ids=range(7),
)
async def test_a_meta_that_cannot_be_read_is_replaced(
    publisher: RedisPublisher, bus: Bus, redis: Redis, junk: bytes
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    redis.hset("{coffeert}:v3:snapshot", "meta", junk)
    assert await bus.load_snapshot() is None
    made = factory.count(factory.order())
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)


async def test_wrong_values_are_overwritten_by_the_passes_that_follow(
    publisher: RedisPublisher, bus: Bus, redis: Redis
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order(ago=timedelta(hours=1)), factory.order()))
    wrong = b'[["uptown"],["latte"],[0],[1010],[1010],[4800]]'
    names: list[bytes] = redis.hkeys("{coffeert}:v3:snapshot")  # type: ignore[assignment]
    fields = [name.decode() for name in names if b":" in name]
    for field in fields:
        redis.hset("{coffeert}:v3:snapshot", field, wrong)
    redis.hset("{coffeert}:v3:hour:2026-03-28T21:00", "uptown/latte:orders", "1010")
    for _ in range(len(fields)):
        made = factory.count()
        await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)
    assert found_for_people(contents(redis)) == keys_for_people(made)


@pytest.mark.parametrize(
    "strange",
    [
        {"lineage": "another", "token": 10**6, "data_time": "9999-12-31T00:00:00.000000+00:00"},
        {"token": 10**6},
        {"number": 10**9},
        {"number": 10**9, "data_time": "9999-12-31T00:00:00.000000+00:00"},
        {"nonce": "another"},
        {"watermark": "9:999999:"},
    ],
    ids=lambda strange: " and ".join(strange),
)
async def test_a_strange_meta_stops_one_pass_and_no_more(
    publisher: RedisPublisher, bus: Bus, redis: Redis, strange: dict[str, object]
) -> None:
    factory = PassFactory()
    factory.number = 7
    await publish(publisher, factory.count(factory.order()))
    meta = json.loads(cast("bytes", redis.hget("{coffeert}:v3:snapshot", "meta")))
    redis.hset("{coffeert}:v3:snapshot", "meta", json.dumps(meta | strange))
    made = factory.count(factory.order(), wait=timedelta(seconds=1))
    for _ in range(2):  # again: nothing has confirmed it meanwhile
        with suppress(Fenced):
            await publish(publisher, made)
    made = factory.count(factory.order(), wait=timedelta(seconds=1))
    await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)


KEYS = [
    "snapshot", "recent", "top-drinks:30d", "hour:2026-03-28T22:00", "hour:2026-03-28T21:00",
    "fence:lineage-1",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", ["string", "hash", "list", "set", "zset", "stream"])
async def test_a_key_of_another_type_is_replaced_and_logged_once(
    publisher: RedisPublisher, bus: Bus, redis: Redis, kind: str, key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("coffeert.redis_bus.publisher.log", log := CapturingLogger())
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order(), factory.order(ago=timedelta(hours=1))))
    name = f"{keys.PREFIX}{key}"
    ours = redis.type(name)
    put_foreign(redis, name, kind)
    for _ in range(2):
        made = factory.count(factory.order())
        await publish(publisher, made)
    assert await bus.load_snapshot() == (made.snapshot, STATS)
    assert found_for_people(contents(redis)) == keys_for_people(made)
    assert redis.type(name) == ours
    told = [call.kwargs["keys"] for call in log.calls]
    assert told == ([] if kind.encode() == ours else [[name]])


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-1", "1e300", "0x10", " 7"])
async def test_a_fence_that_is_no_token_fences_nobody(
    publisher: RedisPublisher, redis: Redis, text: str
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    redis.set("{coffeert}:v3:fence:lineage-1", text)
    await publish(publisher, factory.count(factory.order()))
    assert redis.get("{coffeert}:v3:fence:lineage-1") == b"1"


async def test_a_key_of_another_type_is_no_snapshot(
    bus: Bus, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coffeert.redis_bus.bus.log", log := CapturingLogger())
    redis.set("{coffeert}:v3:snapshot", "x")
    assert await bus.load_snapshot() is None
    assert [call.args for call in log.calls] == [("snapshot ignored",)]


def put_foreign(redis: Redis, name: str, kind: str) -> None:
    """Put something into the place of one of our keys, of another type or of ours."""
    client: Any = redis
    if client.type(name) == kind.encode():
        return
    client.delete(name)
    match kind:
        case "string":
            client.set(name, "a person was here")
        case "hash":
            client.hset(name, "x", "y")
        case "list":
            client.rpush(name, "x")
        case "set":
            client.sadd(name, "x")
        case "zset":
            client.zadd(name, {"x": 1})
        case "stream":
            client.xadd(name, {"x": "y"})


@pytest.mark.parametrize(
    "junk", [b"junk", b"[[],[],[0],[1],[1],[1]]", b'[["a"],["b"],[0,1],[1],[1],[1]]']
)
async def test_a_bucket_that_cannot_be_read_makes_no_snapshot(
    publisher: RedisPublisher, bus: Bus, redis: Redis, junk: bytes
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    redis.hset("{coffeert}:v3:snapshot", "hour:2026-03-28T22:00", junk)
    assert await bus.load_snapshot() is None
