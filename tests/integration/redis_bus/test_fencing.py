"""Only the leader writes: one that was replaced changes nothing in Redis (invariant 9)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from coffeert.errors import Fenced
from coffeert.redis_bus.publisher import RedisPublisher
from tests.integration.redis_bus.contents import contents
from tests.integration.redis_bus.pass_factory import START, Pass, PassFactory

LATER = START + timedelta(hours=1)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

    from coffeert.redis_bus.bus import Bus


class Desk:
    """A publisher, and whether what it publishes is stored and heard."""

    def __init__(self, publisher: RedisPublisher, bus: Bus, redis: Redis) -> None:
        self._publisher = publisher
        self._bus = bus
        self._redis = redis
        self._heard = redis.pubsub()  # type: ignore[no-untyped-call] # the library leaves it so
        self._heard.subscribe("{coffeert}:v3:passes")
        assert self._hears() == 1

    async def publish(self, made: Pass) -> None:
        await self._publisher.publish(made.message, made.cube, made.recent)

    async def writes(self, made: Pass) -> None:
        await self.publish(made)
        stored = await self._bus.load_snapshot()
        assert stored is not None
        assert stored[0] == made.snapshot
        assert self._hears() == 1

    async def is_fenced(self, made: Pass, *, same_lineage: bool | None = None) -> None:
        before = contents(self._redis)
        with pytest.raises(Fenced) as refused:
            await self.publish(made)
        assert same_lineage in (None, refused.value.same_lineage)
        assert contents(self._redis) == before
        assert self._hears() == 0

    async def is_left_out(self, made: Pass) -> None:
        before = contents(self._redis)
        await self.publish(made)
        assert contents(self._redis) == before
        assert self._hears() == 0

    def close(self) -> None:
        self._heard.close()

    def _hears(self) -> int:
        # The answer to a question comes after whatever was published before it.
        self._heard.ping()
        count = 0
        while (message := self._heard.get_message(timeout=5)) is None or message["type"] != "pong":
            count += message is not None
        return count


@pytest.fixture
def desk(publisher: RedisPublisher, bus: Bus, redis: Redis) -> Iterator[Desk]:
    """A desk on the test's Redis."""
    desk = Desk(publisher, bus, redis)
    yield desk
    desk.close()


async def test_a_lower_token_is_fenced_whatever_its_number(desk: Desk) -> None:
    old, new = PassFactory(token=4), PassFactory(token=5)
    await desk.writes(old.count(old.order()))
    new.number = 1
    await desk.writes(new.count(new.order()))
    for _ in range(3):
        await desk.is_fenced(old.count(old.order()))


async def test_the_error_names_both_tokens(desk: Desk) -> None:
    await desk.writes(PassFactory(token=9_007_199_254_740_991).count())
    with pytest.raises(Fenced, match=r"token 9007199254740991; this one has 7 "):
        await desk.publish(PassFactory(token=7).count())


async def test_a_higher_token_builds_on_what_the_old_leader_left(desk: Desk) -> None:
    factory = PassFactory(token=4)
    await desk.writes(factory.count(factory.order()))
    factory.token = 5
    await desk.writes(factory.count(factory.order()))
    factory.token = 9
    await desk.writes(factory.made({}))  # the same pass again, by a new leader


async def test_an_earlier_pass_of_the_same_leader_is_left_out(desk: Desk) -> None:
    factory = PassFactory()
    first = factory.count(factory.order())
    second = factory.count(factory.order())
    await desk.writes(second)
    await desk.is_left_out(first)


async def test_the_same_pass_again_is_a_refresh(desk: Desk, redis: Redis) -> None:
    factory = PassFactory()
    made = factory.count(factory.order())
    await desk.writes(made)
    before = contents(redis)
    redis.expire("{coffeert}:v3:snapshot", 10)
    await desk.writes(made)
    assert contents(redis) == before
    assert int(redis.ttl("{coffeert}:v3:snapshot")) > 10


async def test_a_leader_of_a_copy_of_the_files_is_refused(desk: Desk) -> None:
    """It has the same token, or a higher one, and has counted what nobody here knows of."""
    lost = PassFactory(token=2)
    for _ in range(5):
        await desk.writes(lost.count(lost.order()))
    for token, nonce in ((2, "of the copy"), (2, None), (3, None)):
        copied = PassFactory(token=token, nonce=nonce, since=LATER)
        await desk.is_fenced(copied.count(copied.order()), same_lineage=True)


async def test_what_was_refused_is_replaced_by_a_later_pass_only_while_it_stays(
    desk: Desk, redis: Redis
) -> None:
    other, ours = PassFactory(lineage="lineage-2", token=9, since=LATER), PassFactory(token=3)
    first = other.count(other.order())
    await desk.writes(first)
    await desk.is_fenced(ours.count(ours.order()), same_lineage=False)
    await desk.writes(other.count(other.order()))  # somebody is at work there
    await desk.is_fenced(ours.count(ours.order()))
    await desk.writes(ours.count(ours.order()))


async def test_another_pass_of_the_same_number_is_left_out(desk: Desk) -> None:
    factory, other = PassFactory(), PassFactory()
    await desk.writes(factory.count(factory.order()))
    await desk.is_left_out(other.count(other.order(), wait=timedelta(seconds=1)))


@pytest.mark.parametrize("token", [0, 6, 7, 8])
async def test_a_new_lineage_replaces_everything_with_any_token(
    desk: Desk, redis: Redis, token: int
) -> None:
    old = PassFactory(token=7)
    await desk.writes(old.count(old.order(ago=timedelta(hours=5))))
    new = PassFactory(lineage="lineage-2", token=token, since=LATER)
    await desk.writes(new.count(new.order()))
    assert not redis.exists("{coffeert}:v3:hour:2026-03-28T17:00")
    await desk.writes(new.count(new.order()))


async def test_a_rebuild_takes_over_even_if_the_clock_was_put_back(desk: Desk) -> None:
    old, new = PassFactory(token=7, since=LATER), PassFactory(lineage="lineage-2", token=8)
    await desk.writes(old.count(old.order()))
    await desk.writes(new.count(new.order()))


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("published_before", [False, True])
async def test_a_leader_from_before_a_rebuild_is_fenced(
    desk: Desk, redis: Redis, *, flushed: bool, published_before: bool
) -> None:
    old, new = PassFactory(token=7), PassFactory(lineage="lineage-2", token=8, since=LATER)
    first, late = old.count(old.order()), old.count(old.order())
    if published_before:
        await desk.writes(first)
    await desk.writes(new.count(new.order()))
    if flushed:
        redis.flushall()
        await desk.writes(new.count(new.order()))
    await desk.is_fenced(late)
    await desk.writes(new.count(new.order()))


async def test_a_leader_from_before_a_rebuild_that_finds_redis_flushed_is_replaced(
    desk: Desk, redis: Redis
) -> None:
    old, new = PassFactory(token=7), PassFactory(lineage="lineage-2", token=8, since=LATER)
    late = old.count(old.order())
    await desk.writes(new.count(new.order()))
    redis.flushall()
    await desk.writes(late)  # nothing is left to tell that it is stale
    await desk.writes(new.count(new.order()))
    await desk.is_fenced(late)


async def test_two_databases_may_take_turns(desk: Desk) -> None:
    """Someone points the servers at another database, and back again."""
    first, second = PassFactory(token=7), PassFactory(lineage="lineage-2", token=3, since=LATER)
    await desk.writes(first.count(first.order()))
    await desk.writes(second.count(second.order()))
    replaced = PassFactory(token=6, since=LATER + timedelta(hours=1))
    await desk.is_fenced(replaced.count())
    await desk.writes(first.count(first.order(), wait=timedelta(hours=9)))


async def test_a_stale_token_is_fenced_after_the_snapshot_is_gone(desk: Desk, redis: Redis) -> None:
    old, new = PassFactory(token=7), PassFactory(token=8)
    new.number = 5
    await desk.writes(new.count(new.order()))
    redis.delete("{coffeert}:v3:snapshot")
    await desk.is_fenced(old.count(old.order()))
    await desk.writes(new.count(new.order()))


async def test_a_stale_token_is_fenced_after_the_fence_is_gone(desk: Desk, redis: Redis) -> None:
    old, new = PassFactory(token=7), PassFactory(token=8)
    await desk.writes(new.count(new.order()))
    redis.delete("{coffeert}:v3:fence:lineage-1")
    await desk.is_fenced(old.count(old.order()))


async def test_a_pass_does_not_build_on_another_lineage(desk: Desk) -> None:
    old, new = PassFactory(), PassFactory(lineage="lineage-2", token=2)
    await desk.writes(old.count(old.order()))
    new.count(new.order(quantity=9))
    await desk.writes(new.count())
