"""Whatever has happened to Redis, after a publish it holds the projection of the passes (invariant 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Order
from coffeert.errors import Fenced
from coffeert.redis_bus.bus import Bus
from coffeert.redis_bus.publisher import RedisPublisher
from tests.integration.redis_bus.contents import contents, found_for_people, keys_for_people
from tests.integration.redis_bus.pass_factory import STATS, Pass, PassFactory

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True)
class Sale:
    """An order."""

    store: str
    drink: str
    minutes_ago: int
    quantity: int


@dataclass(frozen=True)
class Count:
    """A pass, a while after the one before, over some sales and over voids of the oldest ones.

    Its publish may be missed.
    """

    sales: list[Sale] = field(default_factory=list)
    wait_minutes: int = 0
    voids: int = 0
    missed: bool = False


@dataclass(frozen=True)
class Lose:
    """Something in Redis is lost: a key by its rank among the present ones, or everything."""

    rank: int | None


@dataclass(frozen=True)
class Forget:
    """One field of the snapshot is lost."""

    rank: int


@dataclass(frozen=True)
class Again:
    """The last pass is published once more."""


@dataclass(frozen=True)
class Elect:
    """Another leader takes over."""


@dataclass(frozen=True)
class Rebuild:
    """Another lineage begins, with a higher token."""


@dataclass(frozen=True)
class Wake:
    """A leader from before publishes a pass that it had made then."""

    rank: int


SNAPSHOT = "{coffeert}:v3:snapshot"

Event = Count | Lose | Forget | Again | Elect | Rebuild | Wake

ranks = st.integers(0, 20)
sales = st.builds(
    Sale,
    store=st.sampled_from(["uptown", "central", "Größe:/1"]),
    drink=st.sampled_from(["latte", "tea"]),
    minutes_ago=st.one_of(st.integers(-5, 90), st.integers(0, 45 * 24 * 60)),
    quantity=st.integers(1, 3),
)
counts = st.builds(
    Count,
    sales=st.lists(sales, max_size=4),
    wait_minutes=st.one_of(st.integers(0, 3), st.integers(-90, 3 * 24 * 60)),
    voids=st.integers(0, 2),
    missed=st.booleans(),
)
events = st.one_of(
    counts,
    counts,
    counts,
    st.builds(Lose, st.one_of(st.none(), ranks)),
    st.builds(Forget, ranks),
    st.just(Again()),
    st.just(Elect()),
    st.just(Rebuild()),
    st.builds(Wake, ranks),
)


class Machine:
    """Plays events and compares."""

    def __init__(self, publisher: RedisPublisher, bus: Bus, redis: Redis) -> None:
        self._publisher = publisher
        self._bus = bus
        self._redis = redis
        self._till = PassFactory()
        self._made: list[Pass] = []
        self._open: list[Order] = []
        self._lost = False

    async def play(self, event: Event) -> None:
        match event:
            case Count():
                await self._count(event)
            case Lose() | Forget():
                self._lose(event)
            case Again():
                if self._made:
                    await self._publish(self._made[-1])
            case Elect():
                self._till.token += 1
            case Rebuild():
                self._till.token += 1
                self._till.lineage += "'"
            case Wake(rank=rank):
                await self._wake(rank)

    async def _count(self, event: Count) -> None:
        factory = self._till
        orders = [
            factory.order(
                sale.store,
                sale.drink,
                ago=timedelta(minutes=sale.minutes_ago),
                quantity=sale.quantity,
            )
            for sale in event.sales
        ]
        voided = self._open[: event.voids]
        self._open = self._open[event.voids :] + orders
        orders += [order.correction(factory.order().order_id, factory.now) for order in voided]
        self._made.append(factory.count(*orders, wait=timedelta(minutes=event.wait_minutes)))
        if not event.missed:
            await self._publish(self._made[-1])

    async def _publish(self, made: Pass) -> None:
        await self._publisher.publish(made.message, made.cube, made.recent)
        assert await self._bus.load_snapshot() == (made.snapshot, STATS)
        expected = keys_for_people(made)
        found = found_for_people(contents(self._redis))
        if self._lost:  # the hash of an hour whose field was lost stays until its time is up
            found = {k: v for k, v in found.items() if k in expected or ":hour:" not in k}
        assert found == expected

    async def _wake(self, rank: int) -> None:
        stored = await self._bus.load_snapshot()
        stale = [made for made in self._made if made.message.token < self._till.token]
        if stored is None or stored[0].token != self._till.token or not stale:
            return
        made = stale[rank % len(stale)]
        message = made.message
        if message.lineage != stored[0].lineage and message.data_time > stored[0].data_time:
            return  # the clock was put back: it passes for a new lineage
        before = contents(self._redis)
        try:
            await self._publisher.publish(made.message, made.cube, made.recent)
        except Fenced:
            assert contents(self._redis) == before
        else:
            raise AssertionError("a stale token has written")

    def _lose(self, event: Lose | Forget) -> None:
        self._lost = event.rank is not None
        if event.rank is None:
            self._redis.flushall()
            return
        where = "*" if isinstance(event, Lose) else SNAPSHOT
        found = self._redis.hkeys(where) if where == SNAPSHOT else self._redis.keys(where)
        if not (names := sorted(cast("list[bytes]", found))):
            return
        name = names[event.rank % len(names)]
        if where == SNAPSHOT:
            self._redis.hdel(where, cast("str", name))
        else:
            self._redis.delete(name)


@pytest.mark.long
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(events, min_size=4, max_size=25))
async def test_redis_holds_the_projection_after_every_publish(
    redis_url: str, redis: Redis, story: list[Event]
) -> None:
    redis.flushall()
    publisher, bus = RedisPublisher(redis_url), Bus(redis_url)
    machine = Machine(publisher, bus, redis)
    try:
        for event in story:
            await machine.play(event)
    finally:
        await publisher.close()
        await bus.close()
