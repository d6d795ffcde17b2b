"""Where does Redis break? Hot batches through the bus, against pipelined publishing of the same bytes."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from datetime import UTC, datetime

from coffeert.domain.orders import Order, new_order_id
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import CellKey, Totals
from coffeert.domain.watermark import Xid
from coffeert.lab.bench import Bench
from coffeert.lab.latency import Latencies
from coffeert.lab.orders import DRINKS, STORES
from coffeert.lab.results import Curve, Experiment, Figure, Measurement, Picture, Point
from coffeert.redis_bus.bus import Bus, Subscribed
from coffeert.redis_bus.connection import close_client, open_client
from coffeert.tasks import end
from coffeert.wire.bus import BatchesCommitted, encode

_AT_ONCE = 64
_AHEAD = 512  # messages by which a subscriber may be behind: Redis cuts off who is megabytes behind
_ARRIVE_WITHIN = 10.0
_LIMIT_CHANNEL = "coffeert-lab"
_PAYLOADS = (1, 50)
"""Orders in a batch: the least, and as many as a batch ever lists."""


class Published:
    """One combination of payload and subscribers."""

    def __init__(self, rate: float, limit: float, received: int, wanted: int, size: int) -> None:
        self.rate = rate
        self.limit = limit
        self.received = received
        self.wanted = wanted
        self.size = size


async def run(bench: Bench) -> Experiment:
    """Measure the bus by payload and number of subscribers, and one message's way by itself."""
    found: dict[tuple[int, int], Published] = {}
    async with bench.stage.database():  # empties Redis
        for orders in _PAYLOADS:
            for subscribers in bench.effort.subscribers:
                bench.tell(f"{subscribers} subscribers, {orders} orders a batch")
                found[orders, subscribers] = await _flood(bench, orders, subscribers)
        bench.tell("one message at a time")
        alone = await _one_at_a_time(bench)
    measurements = [_measurement(orders, many, one) for (orders, many), one in found.items()]
    measurements.append(
        Measurement(label="one batch at a time, to a subscriber", latency=alone, unit="")
    )
    largest = found[_PAYLOADS[-1], bench.effort.subscribers[0]]
    smallest = found[_PAYLOADS[0], bench.effort.subscribers[0]]
    return Experiment(
        name="redis",
        question="Where does Redis break?",
        measurements=tuple(measurements),
        figures=(
            Figure("small_rate", round(smallest.rate), "batches/s"),
            Figure("small_limit", round(smallest.limit), "batches/s"),
            Figure("large_rate", round(largest.rate), "batches/s"),
            Figure("large_limit", round(largest.limit), "batches/s"),
            Figure("large_bytes", largest.size, "bytes"),
            Figure("alone_p50", alone.p50, "ms"),
            Figure("alone_p99", alone.p99, "ms"),
        ),
        pictures=(_picture(found, bench.effort.subscribers),),
        notes=(
            "A lost message costs freshness until the next pass, nothing else; none was lost where "
            "received equals sent. Subscribers here are Python processes' worth of decoding in one "
            "process, so with several of them that process is the limit, not Redis.",
        ),
    )


async def _flood(bench: Bench, orders: int, subscribers: int) -> Published:
    """Publish as fast as every subscriber takes it, and the same bytes without any of our code."""
    count = bench.effort.messages
    batches = [_batch(number, orders) for number in range(count)]
    publisher = Bus(bench.stage.redis_url)
    readers = [_Reader(Bus(bench.stage.redis_url), count) for _ in range(subscribers)]
    try:
        for reader in readers:
            await reader.start()
        began = time.perf_counter()
        for start in range(0, count, _AT_ONCE):
            for batch in batches[start : start + _AT_ONCE]:
                publisher.publish_batches(batch)
            await _sent(publisher, start)  # the outbox holds a few hundred and drops the rest
            await _taken(readers, start - publisher.counts.dropped - _AHEAD)
        for reader in readers:
            await reader.finished()
        rate = count / (time.perf_counter() - began)
    finally:
        await publisher.close()
        for reader in readers:
            await reader.close()
    encoded = [encode(batch) for batch in batches]
    limit = await _bare(bench.stage.redis_url, encoded)
    received = sum(reader.received for reader in readers)
    return Published(rate, limit, received, count * subscribers, len(encoded[-1]))


async def _sent(publisher: Bus, count: int) -> None:
    await asyncio.sleep(0)
    while publisher.counts.published + publisher.counts.dropped < count:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0)


async def _taken(readers: list[_Reader], count: int) -> None:
    while any(reader.reads and reader.received < count for reader in readers):  # noqa: ASYNC110
        await asyncio.sleep(0)


class _Reader:
    """A subscriber that counts."""

    def __init__(self, bus: Bus, wanted: int) -> None:
        self.received = 0
        self.last = 0.0
        self.arrived = asyncio.Event()
        self._bus = bus
        self._wanted = wanted
        self._subscribed = asyncio.Event()
        self._all = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def reads(self) -> bool:
        """Whether it still follows Redis."""
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._read(), name="subscriber")
        await self._subscribed.wait()

    async def finished(self) -> None:
        try:
            async with asyncio.timeout(_ARRIVE_WITHIN):
                await self._all.wait()
        except TimeoutError:
            pass

    async def close(self) -> None:
        if self._task is not None:
            await end(self._task)
        await self._bus.close()

    async def _read(self) -> None:
        async with aclosing(self._bus.messages()) as messages:
            async for message in messages:
                if isinstance(message, Subscribed):
                    self._subscribed.set()
                elif isinstance(message, BatchesCommitted):
                    self.received += 1
                    self.last = time.perf_counter()
                    self.arrived.set()
                    if self.received == self._wanted:
                        self._all.set()


async def _bare(url: str, messages: list[bytes]) -> float:
    client = open_client(url)
    try:
        await client.ping()
        began = time.perf_counter()
        for start in range(0, len(messages), _AT_ONCE):
            async with client.pipeline(transaction=False) as pipeline:
                for message in messages[start : start + _AT_ONCE]:
                    pipeline.publish(_LIMIT_CHANNEL, message)
                await pipeline.execute()
        return len(messages) / (time.perf_counter() - began)
    finally:
        await close_client(client)


async def _one_at_a_time(bench: Bench) -> Latencies:
    publisher, reader = Bus(bench.stage.redis_url), _Reader(Bus(bench.stage.redis_url), -1)
    times = []
    try:
        await reader.start()
        for number in range(min(500, bench.effort.messages)):
            reader.arrived.clear()
            began = time.perf_counter()
            publisher.publish_batches(_batch(number, 10))
            async with asyncio.timeout(_ARRIVE_WITHIN):
                await reader.arrived.wait()
            times.append(reader.last - began)
    finally:
        await publisher.close()
        await reader.close()
    return Latencies.of(times)


def _batch(number: int, orders: int) -> BatchesCommitted:
    now = datetime.now(UTC)
    minute = int(now.timestamp()) // 60 * 60
    recent = [Order(new_order_id(), STORES[0], DRINKS[0], 1, 450, now, now) for _ in range(orders)]
    cells = {
        CellKey("minute", minute, STORES[cell % 4], DRINKS[cell // 4 % 8]): Totals(1, 1, 450)
        for cell in range(min(orders, 32))
    }
    return BatchesCommitted.of("lab", "lab", PendingBatches.of({Xid(number): cells}), recent)


def _measurement(orders: int, subscribers: int, found: Published) -> Measurement:
    return Measurement(
        label=f"{orders} orders a batch, {subscribers} subscribers",
        good=round(found.rate, 1),
        unit="batches/s",
        errors=found.wanted - found.received,
        note=f"{found.size:,} bytes; received {found.received:,} of {found.wanted:,}; pipelined "
        f"publish of the same bytes to nobody {found.limit:,.0f}/s",
    )


def _picture(found: dict[tuple[int, int], Published], subscribers: tuple[int, ...]) -> Picture:
    return Picture(
        name="redis-bus",
        title="Hot batches through Redis",
        x="subscribers",
        y="batches/s, received by all",
        log_y=True,
        curves=tuple(
            Curve(
                f"{orders} orders a batch",
                tuple(Point(many, found[orders, many].rate) for many in subscribers),
            )
            for orders in _PAYLOADS
        ),
    )
