"""Where does Redis break? Batches through the bus, beside publishing the same bytes in pipelines."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import NamedTuple

from coffeert.cancellation import end
from coffeert.domain.orders import Order, new_order_id
from coffeert.domain.pending_batches import PendingBatches
from coffeert.domain.rollups import CellKey, Totals
from coffeert.domain.watermark import Xid
from coffeert.lab.clients import DRINKS, STORES
from coffeert.lab.harness import Harness
from coffeert.lab.results import Curve, Diagram, Experiment, Latencies, Measurement, Metric, Point
from coffeert.redis_bus.bus import Bus, Subscribed
from coffeert.redis_bus.connection import close_client, open_client
from coffeert.wire.bus import BatchesCommitted, encode

_CHUNK_MESSAGES = 64
# By how much a subscriber may be behind: Redis disconnects those that are megabytes behind.
_MAX_BEHIND_MESSAGES = 512
_ARRIVAL_TIMEOUT_SECONDS = 10.0
_BASELINE_CHANNEL = "coffeert-lab"
_BATCH_SIZES = (1, 50)
"""Orders in a batch: the least, and the most that a batch ever lists."""


class FloodResult(NamedTuple):
    """Messages a second through the bus, and `limit` in pipelines; `size` is in bytes."""

    rate: float
    limit: float
    received: int
    expected: int
    size: int


async def run_redis(harness: Harness) -> Experiment:
    """Measure the bus by batch size and number of subscribers, and the latency of single messages."""
    found: dict[tuple[int, int], FloodResult] = {}
    async with harness.environment.database():  # empties Redis
        for orders in _BATCH_SIZES:
            for subscribers in harness.preset.subscribers:
                harness.show_progress(f"{subscribers} subscribers, {orders} orders a batch")
                found[orders, subscribers] = await _flood(harness, orders, subscribers)
        harness.show_progress("one message at a time")
        alone = await _one_at_a_time(harness)
    measurements = [_measurement(orders, many, one) for (orders, many), one in found.items()]
    measurements.append(
        Measurement(label="one batch at a time, to a subscriber", latency=alone, unit="")
    )
    largest = found[_BATCH_SIZES[-1], harness.preset.subscribers[0]]
    smallest = found[_BATCH_SIZES[0], harness.preset.subscribers[0]]
    return Experiment(
        name="redis",
        question="Where does Redis break?",
        measurements=tuple(measurements),
        metrics=(
            Metric("small_rate", round(smallest.rate), "batches/s"),
            Metric("small_limit", round(smallest.limit), "batches/s"),
            Metric("large_rate", round(largest.rate), "batches/s"),
            Metric("large_limit", round(largest.limit), "batches/s"),
            Metric("large_bytes", largest.size, "bytes"),
            Metric("alone_p50", alone.p50, "ms"),
            Metric("alone_p99", alone.p99, "ms"),
        ),
        diagrams=(_diagram(found, harness.preset.subscribers),),
        notes=(
            "A lost message costs freshness until the next pass, nothing else; none was lost if received "
            "equals sent. All subscribers here decode in one Python process, so with several of them "
            "that process is the limit, not Redis.",
        ),
    )


async def _flood(harness: Harness, orders: int, subscribers: int) -> FloodResult:
    """Publish as fast as every subscriber reads, and the same bytes without any of our code."""
    count = harness.preset.messages
    batches = [_batch(number, orders) for number in range(count)]
    publisher = Bus(harness.environment.redis_url)
    clients = [_Subscriber(Bus(harness.environment.redis_url), count) for _ in range(subscribers)]
    try:
        for subscriber in clients:
            await subscriber.start()
        began = time.perf_counter()
        for start in range(0, count, _CHUNK_MESSAGES):
            for batch in batches[start : start + _CHUNK_MESSAGES]:
                publisher.publish_batches(batch)
            await _sent(
                publisher, start
            )  # the sender holds a few hundred messages and drops the rest
            await _received(clients, start - publisher.counts.dropped - _MAX_BEHIND_MESSAGES)
        for subscriber in clients:
            await subscriber.finished()
        rate = count / (time.perf_counter() - began)
    finally:
        await publisher.close()
        for subscriber in clients:
            await subscriber.close()
    encoded = [encode(batch) for batch in batches]
    limit = await _pipelined_rate(harness.environment.redis_url, encoded)
    received = sum(subscriber.received for subscriber in clients)
    return FloodResult(rate, limit, received, count * subscribers, len(encoded[-1]))


async def _sent(publisher: Bus, count: int) -> None:
    await asyncio.sleep(0)
    while publisher.counts.published + publisher.counts.dropped < count:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0)


async def _received(clients: list[_Subscriber], count: int) -> None:
    while any(one.subscribed and one.received < count for one in clients):  # noqa: ASYNC110 - no event
        await asyncio.sleep(0)


class _Subscriber:
    def __init__(self, bus: Bus, expected: int) -> None:
        self.received = 0
        self.last = 0.0
        self.arrived = asyncio.Event()
        self._bus = bus
        self._expected = expected
        self._subscribed = asyncio.Event()
        self._all = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def subscribed(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._read(), name="subscriber")
        await self._subscribed.wait()

    async def finished(self) -> None:
        try:
            async with asyncio.timeout(_ARRIVAL_TIMEOUT_SECONDS):
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
                    if self.received == self._expected:
                        self._all.set()


async def _pipelined_rate(url: str, messages: list[bytes]) -> float:
    client = open_client(url)
    try:
        await client.ping()
        began = time.perf_counter()
        for start in range(0, len(messages), _CHUNK_MESSAGES):
            async with client.pipeline(transaction=False) as pipeline:
                for message in messages[start : start + _CHUNK_MESSAGES]:
                    pipeline.publish(_BASELINE_CHANNEL, message)
                await pipeline.execute()
        return len(messages) / (time.perf_counter() - began)
    finally:
        await close_client(client)


async def _one_at_a_time(harness: Harness) -> Latencies:
    publisher, subscriber = (
        Bus(harness.environment.redis_url),
        _Subscriber(Bus(harness.environment.redis_url), -1),
    )
    times = []
    try:
        await subscriber.start()
        for number in range(min(500, harness.preset.messages)):
            subscriber.arrived.clear()
            began = time.perf_counter()
            publisher.publish_batches(_batch(number, 10))
            async with asyncio.timeout(_ARRIVAL_TIMEOUT_SECONDS):
                await subscriber.arrived.wait()
            times.append(subscriber.last - began)
    finally:
        await publisher.close()
        await subscriber.close()
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


def _measurement(orders: int, subscribers: int, found: FloodResult) -> Measurement:
    return Measurement(
        label=f"{orders} orders a batch, {subscribers} subscribers",
        good=round(found.rate, 1),
        unit="batches/s",
        errors=found.expected - found.received,
        note=f"{found.size:,} bytes; received {found.received:,} of {found.expected:,}; pipelined "
        f"publish of the same bytes to nobody {found.limit:,.0f}/s",
    )


def _diagram(found: dict[tuple[int, int], FloodResult], subscribers: tuple[int, ...]) -> Diagram:
    return Diagram(
        name="redis-bus",
        title="Pending batches through Redis",
        x="subscribers",
        y="batches/s, received by all",
        log_y=True,
        curves=tuple(
            Curve(
                f"{orders} orders a batch",
                tuple(Point(many, found[orders, many].rate) for many in subscribers),
            )
            for orders in _BATCH_SIZES
        ),
    )
