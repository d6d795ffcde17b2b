"""Targets of `coffeert feed --to`, read back as anybody would read them."""

from __future__ import annotations

import asyncio
import json
import shutil
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from coffeert.lab.environment import free_port
from tests.waiting import eventually

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

    async def size(self) -> int:
        import nats

        client = await nats.connect(self.name.rpartition("/")[0])
        try:
            return int((await client.jetstream().stream_info("orders-all")).state.messages)
        except nats.js.errors.NotFoundError:
            return 0
        finally:
            await client.close()

    async def rows(self) -> list[Row]:
        import nats

        client = await nats.connect(self.name.rpartition("/")[0])
        reader = await client.jetstream().subscribe("orders.all", ordered_consumer=True)
        rows = [_row(json.loads((await reader.next_msg(5)).data)) for _ in range(await self.size())]
        await client.close()
        return rows


@asynccontextmanager
async def nats_server(directory: Path) -> AsyncIterator[str]:
    """Run a NATS server with JetStream; yields its URL."""
    binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    assert binary is not None
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(binary, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(directory)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually(lambda: _listens(port))
        yield f"nats://127.0.0.1:{port}"
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
