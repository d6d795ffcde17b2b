"""`coffeert feed --to kafka://`: what a broker shows of a batch, and who may write."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from coffeert.errors import SinkBusy, SinkRefused, SinkUnavailable
from coffeert.sinks.kafka import KafkaSink, KafkaTopic
from coffeert.wire.feed import OrderEvent
from tests.integration.feed.targets import committed_records, kafka_broker
from tests.order_book import order

pytestmark = pytest.mark.long


def events(count: int, stores: tuple[str, ...] = ("uptown",)) -> list[OrderEvent]:
    return [
        OrderEvent.of(order(store=stores[n % len(stores)]), f"a.{n}.b", "a", 2)
        for n in range(count)
    ]


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[str]:
    async with kafka_broker(tmp_path) as url:
        yield url


class Interrupted:
    """A producer with which all that a batch has is sent, and the commit of the cursor raises `error`."""

    def __init__(self, producer: Any, error: Exception) -> None:
        self._producer, self._error, self._has_cursor = producer, error, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._producer, name)

    def produce(self, topic: str, *arguments: object, **named: object) -> None:
        self._has_cursor |= topic.endswith(".cursor")
        self._producer.produce(topic, *arguments, **named)

    def commit_transaction(self, seconds: float) -> None:
        if not self._has_cursor:
            self._producer.commit_transaction(seconds)
            return
        assert self._producer.flush(10) == 0
        raise self._error


Open = Callable[[str], Awaitable[KafkaSink]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens sinks, which end with the test: the threads of one that is left go on without its broker."""
    sinks: list[KafkaSink] = []

    async def open_sink(url: str) -> KafkaSink:
        sinks.append(sink := KafkaSink(KafkaTopic(url)))
        await sink.open()
        return sink

    yield open_sink
    for sink in sinks:
        await sink.close()


async def test_the_events_of_a_store_are_in_one_partition_in_order(
    broker: str, opened: Open
) -> None:
    url = f"{broker}/orders"
    sink = await opened(url)
    assert await sink.cursor() is None
    batch = events(60, ("uptown", "central", "southend", "hälfte"))
    await sink.write(batch[:30], "first")
    await sink.write(batch[30:], "second")
    records = committed_records(url)
    assert len(records) == 60
    for store in {event.subject for event in batch}:
        mine = [record for record in records if record.key() == store.encode()]
        assert len({record.partition() for record in mine}) == 1
        assert [json.loads(record.value() or b"")["id"] for record in mine] == [
            event.id for event in batch if event.subject == store
        ]
    assert records[0].headers() == [("content-type", b"application/cloudevents+json")]
    again = await opened(url)
    assert await again.cursor() == "second"


async def test_nothing_of_a_batch_is_seen_before_its_cursor_is_committed(
    broker: str, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{broker}/orders"
    sink = await opened(url)
    await sink.write(events(5), "first")
    monkeypatch.setattr(sink, "_producer", Interrupted(sink._producer, ConnectionError()))
    with pytest.raises(ConnectionError):
        await sink.write(events(7), "second")
    assert len(committed_records(url)) == 5
    assert len(committed_records(f"{url}.cursor")) == 1


async def test_a_cursor_is_found_behind_many_others(broker: str, opened: Open) -> None:
    url = f"{broker}/orders"
    sink = await opened(url)
    for number in range(150):
        await sink.write([], f"cursor {number}")
    again = await opened(url)
    assert await again.cursor() == "cursor 149"
    await again.write(events(1), "cursor 150")
    assert await (await opened(url)).cursor() == "cursor 150"


async def test_a_writer_whose_place_another_took_stops(
    broker: str, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is Apache Kafka's: this broker ends the connection instead."""
    sink = await opened(f"{broker}/orders")
    fenced = KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True))
    monkeypatch.setattr(sink, "_producer", Interrupted(sink._producer, fenced))
    with pytest.raises(SinkBusy, match="Another process writes the feed to orders at "):
        await sink.write(events(3), "first")


@pytest.mark.parametrize(
    "code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.MSG_SIZE_TOO_LARGE]
)
async def test_what_no_later_attempt_changes_ends_it(
    broker: str, opened: Open, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """The answers are Apache Kafka's: this broker gives none of them."""
    sink = await opened(f"{broker}/orders")
    error = KafkaException(KafkaError(code, "Not for you"))
    monkeypatch.setattr(sink, "_producer", Interrupted(sink._producer, error))
    with pytest.raises(SinkRefused, match="refuses the events: Not for you"):
        await sink.write(events(3), "first")


async def test_the_reason_of_an_outage_is_told(opened: Open) -> None:
    with pytest.raises(SinkUnavailable, match=r"Kafka at 127\.0\.0\.1:1 did not .*refused"):
        await opened("kafka://127.0.0.1:1/orders")
