"""Logical decoding by `pg_recvlogical`: what PostgreSQL itself offers to those who want every order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from coffeert.embedded import PostgresServer
from coffeert.lab.worker_process import wait_or_kill
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

SETTINGS = {"wal_level": "logical", "max_replication_slots": "4", "max_wal_senders": "4"}

_SLOT = "coffeert_lab"
_RECEIVED_SECONDS = 30.0
_POLL_SECONDS = 0.05
_EXIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DecodedOrders:
    """What a slot has brought, in the messages of pgoutput (PostgreSQL's documentation, 55.9)."""

    file: Path
    insert: bytes

    async def received(self, orders: int) -> int:
        """Wait until so many orders have come; return how many have."""
        until = time.monotonic() + _RECEIVED_SECONDS
        while True:
            found = await asyncio.to_thread(self._count)
            if found >= orders or time.monotonic() > until:
                return found
            await asyncio.sleep(_POLL_SECONDS)

    def _count(self) -> int:
        return self.file.read_bytes().count(self.insert) if self.file.exists() else 0


@asynccontextmanager
async def decoding(
    server: PostgresServer, database: str, connection: Connection, file: Path
) -> AsyncIterator[DecodedOrders]:
    """Have the orders of a database decoded into a file, for the block."""
    await connection.execute(sql("lab_publish_orders"))
    table: int = await connection.fetchval("SELECT 'orders'::regclass::oid::bigint")
    await connection.execute("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", _SLOT)
    process = await asyncio.create_subprocess_exec(
        server.program("pg_recvlogical"), "--start", "--slot", _SLOT, "--file", file,
        "--dbname", database, "--host", server.directory.sockets, "--username", "postgres",
        "--option", "proto_version=1", "--option", "publication_names=coffeert_lab",
        stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield DecodedOrders(file, b"I%bN" % table.to_bytes(4, "big"))
    finally:
        if process.returncode is None:
            process.terminate()
        await wait_or_kill(process, _EXIT_SECONDS)
        await connection.execute("SELECT pg_drop_replication_slot($1)", _SLOT)
        await asyncio.to_thread(file.unlink, missing_ok=True)
