"""A Redis that answers and does not do its work: full, closed to our user, a replica, another version's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from coffeert.errors import ProtocolMismatch, RedisUnavailable
from coffeert.redis_bus import keys
from coffeert.redis_bus.bus import Bus
from coffeert.redis_bus.publisher import RedisPublisher
from tests.integration.redis_bus.contents import contents
from tests.integration.redis_bus.pass_factory import STATS, PassFactory, publish
from tests.integration.redis_bus.test_bus import hear, hot
from tests.integration.server.conftest import RunServer, run_server
from tests.waiting import eventually

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["run_server"]  # a fixture

RIGHTS = ("~{coffeert}:*", "&{coffeert}:*", "+@all", "-@dangerous", "-@admin")


@pytest.fixture
def guest(redis: Redis, redis_url: str) -> Iterator[Callable[..., str]]:
    """Makes a user with the given rights; gives the URL with its login."""

    def make(*rights: str) -> str:
        command = ("ACL", "SETUSER", "guest", "reset", "on", ">secret", *rights)
        redis.execute_command(*command)  # type: ignore[no-untyped-call] # of the library
        return redis_url.replace("unix://", "unix://guest:secret@")

    yield make
    redis.acl_deluser("guest")


@pytest.fixture
def full(redis: Redis) -> Iterator[Redis]:
    """A Redis that takes no more data."""
    redis.set("ballast", "x" * 2_000_000)
    redis.config_set("maxmemory", "1mb")
    yield redis
    redis.config_set("maxmemory", "0")


async def test_a_user_with_the_documented_rights_can_do_everything(
    guest: Callable[..., str], opened: AsyncExitStack
) -> None:
    url = guest(*RIGHTS)
    bus, publisher = Bus(url), RedisPublisher(url)
    opened.push_async_callback(bus.close)
    opened.push_async_callback(publisher.close)
    factory = PassFactory()
    events = bus.messages()
    opened.push_async_callback(events.aclose)
    await hear(events)
    made = factory.count(factory.order())
    await publish(publisher, made)
    assert await hear(events) == made.message
    assert await bus.load_snapshot() == (made.snapshot, STATS)
    await bus.store_login_code("digest", 60)
    assert await bus.take_login_code("digest")
    assert (await bus.probe()).obstacle is None


@pytest.mark.parametrize(
    "rights", [("~other:*", "&*", "+@all"), ("~*", "&*", "+@all", "-del"), ("~*", "&*", "-@all")]
)
async def test_a_missing_privilege_is_named(
    guest: Callable[..., str], opened: AsyncExitStack, rights: tuple[str, ...]
) -> None:
    bus = Bus(guest(*rights))
    opened.push_async_callback(bus.close)
    with pytest.raises(RedisUnavailable, match="its user lacks a privilege"):
        await bus.probe()


async def test_channels_that_are_closed_are_named(
    guest: Callable[..., str], opened: AsyncExitStack
) -> None:
    url = guest("~*", "&other:*", "+@all")
    bus, publisher = Bus(url), RedisPublisher(url)
    opened.push_async_callback(bus.close)
    opened.push_async_callback(publisher.close)
    events = bus.messages()
    with pytest.raises(RedisUnavailable, match="lacks a privilege"):
        await hear(events)
    factory = PassFactory()
    with pytest.raises(RedisUnavailable, match="lacks a privilege"):
        await publish(publisher, factory.count(factory.order()))
    bus.publish_batches(hot(1))
    await eventually(lambda: bus.counts.dropped == 1)
    obstacle = (await bus.probe()).obstacle
    assert obstacle is not None
    assert "lacks a privilege" in obstacle


async def test_a_full_memory_is_named_and_nothing_is_half_written(
    bus: Bus, publisher: RedisPublisher, full: Redis
) -> None:
    factory = PassFactory()
    before = contents(full)
    with pytest.raises(RedisUnavailable, match=r"its memory is full \(maxmemory\)"):
        await publish(publisher, factory.count(factory.order()))
    assert contents(full) == before
    obstacle = (await bus.probe()).obstacle
    assert (
        obstacle
        == "Redis cannot be used: its memory is full (maxmemory), and nothing may be evicted."
    )
    full.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert (await bus.probe()).obstacle is None
    finally:
        full.config_set("maxmemory-policy", "noeviction")


async def test_health_names_what_is_wrong_with_redis(run_server: RunServer, redis: Redis) -> None:
    redis.set("ballast", "x" * 2_000_000)
    async with run_server() as url, aiohttp.ClientSession(url) as http:
        redis.config_set("maxmemory", "1mb")
        try:

            async def said() -> str:
                async with http.get("/readyz") as response:
                    assert response.status == 200  # orders are stored all the same
                    part = (await response.json())["parts"]["redis"]
                    return str(part.get("reason", ""))

            while "its memory is full" not in await said():
                pass
        finally:
            redis.config_set("maxmemory", "0")
        while await said():
            pass


async def test_a_newer_version_is_neither_overwritten_nor_joined(
    bus: Bus, publisher: RedisPublisher, redis: Redis
) -> None:
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    await bus.check_protocol()
    assert (await bus.probe()).obstacle is None
    redis.set("{coffeert}:protocol", keys.PROTOCOL + 1, ex=60)
    before = contents(redis)
    said = rf"A newer version of coffeert publishes in this Redis \(protocol {keys.PROTOCOL + 1}"
    with pytest.raises(RedisUnavailable, match=said):
        await publish(publisher, factory.count(factory.order()))
    assert contents(redis) == before
    with pytest.raises(ProtocolMismatch, match=said):
        await bus.check_protocol()
    assert "A newer version" in str((await bus.probe()).obstacle)


async def test_an_older_version_is_told_of_and_replaced(
    bus: Bus, publisher: RedisPublisher, redis: Redis
) -> None:
    redis.set("{coffeert}:protocol", keys.PROTOCOL - 1, ex=60)
    await bus.check_protocol()
    assert "An older version of coffeert" in str((await bus.probe()).obstacle)
    factory = PassFactory()
    await publish(publisher, factory.count(factory.order()))
    assert redis.get("{coffeert}:protocol") == str(keys.PROTOCOL).encode()
    assert 0 < int(redis.ttl("{coffeert}:protocol")) <= 60


@pytest.mark.parametrize("junk", ["", "x", "1e999", "9" * 40, "999"])
async def test_junk_in_the_place_of_the_protocol_stops_nothing(
    bus: Bus, publisher: RedisPublisher, redis: Redis, junk: str
) -> None:
    redis.set("{coffeert}:protocol", junk)  # without a time to live, which ours has
    factory = PassFactory()
    await bus.check_protocol()
    assert (await bus.probe()).obstacle is None
    await publish(publisher, factory.count(factory.order()))
    redis.delete("{coffeert}:protocol")
    redis.lpush("{coffeert}:protocol", "x")
    await bus.check_protocol()
    await publish(publisher, factory.count(factory.order()))
    assert (await bus.probe()).obstacle is None


async def test_a_server_does_not_start_beside_a_newer_version(
    run_server: RunServer, redis: Redis
) -> None:
    redis.set("{coffeert}:protocol", keys.PROTOCOL + 1, ex=60)
    with pytest.raises(ProtocolMismatch, match="only one of them may run"):
        async with run_server():
            pass


async def test_the_script_touches_no_key_that_is_not_declared(
    publisher: RedisPublisher, redis: Redis
) -> None:
    """As servers demand that spread keys, also of hours that another leader has published."""
    first = PassFactory()
    await publish(publisher, first.count(first.order(ago=timedelta(hours=5)), first.order()))
    another = RedisPublisher(redis_url_of(redis))
    second = PassFactory(lineage="lineage-2", token=2, since=first.now + timedelta(hours=1))
    with redis.monitor() as monitor:  # type: ignore[no-untyped-call] # of the library
        await publish(another, second.count(second.order()))
        redis.echo("the end")
        declared, touched = set(), set()
        for command in monitor.listen():
            name, *words = command["command"].upper().replace('"', "").split(" ")
            if name == "ECHO":
                break
            if name == "EVALSHA":
                declared |= set(words[2 : 2 + int(words[1])])
            elif command["client_type"] == "lua" and name != "PUBLISH":
                touched.add(words[0])
    await another.close()
    assert "{COFFEERT}:V3:HOUR:2026-03-28T17:00" in touched
    assert touched <= declared
    assert not redis.exists("{coffeert}:v3:hour:2026-03-28T17:00")


def redis_url_of(redis: Redis) -> str:
    return f"unix://{redis.connection_pool.connection_kwargs['path']}"
