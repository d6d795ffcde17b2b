"""NATS JetStream: cells and the position in the stream are stored in one SQLite transaction.

So each order is counted once, whenever this program is killed. The consumer needs no acknowledgements: it
begins behind the stored position.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from coffeert.lab.rivals.programs.reporting import GRAINS, CountReporter, bucket

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cell (
    grain text, bucket text, store text, drink text, orders int, quantity int, cents int,
    PRIMARY KEY (grain, bucket, store, drink)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (one int PRIMARY KEY, sequence int);
INSERT OR IGNORE INTO position VALUES (1, 0);
"""
_ADD = """
INSERT INTO cell VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE
SET orders = orders + 1, quantity = quantity + excluded.quantity, cents = cents + excluded.cents
"""


class CellTable:
    """The cells, in SQLite."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = normal;" + _SCHEMA
        )

    def position(self) -> int:
        return int(self._database.execute("SELECT sequence FROM position").fetchone()[0])

    def count(self, grain: str) -> int:
        row = self._database.execute("SELECT sum(orders) FROM cell WHERE grain = ?", (grain,))
        return row.fetchone()[0] or 0

    def add(self, orders: list[dict[str, Any]], position: int) -> None:
        """Add orders to the cells, and note the position, in one transaction."""
        rows = [
            (
                grain, bucket(grain, order["placed_at"]), order["store"], order["drink"],
                order["quantity"], order["quantity"] * 450,
            )
            for order in orders for grain in GRAINS
        ]  # fmt: skip
        self._database.execute("BEGIN")
        self._database.executemany(_ADD, rows)
        self._database.execute("UPDATE position SET sequence = ?", (position,))
        self._database.execute("COMMIT")


async def main() -> None:
    totals, reporter = CellTable(Path(os.environ["RIVAL_DIRECTORY"]) / "cells.db"), CountReporter()
    counted = {grain: totals.count(grain) for grain in GRAINS}
    position, waiting, arrived = totals.position(), list[Any](), asyncio.Event()
    lost = asyncio.Event()

    async def receive(message: Any) -> None:
        waiting.append(message)
        arrived.set()

    async def disconnected() -> None:
        lost.set()
        arrived.set()

    client = await nats.connect(os.environ["RIVAL_URL"], disconnected_cb=disconnected)
    begin = ConsumerConfig(
        ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=position + 1, flow_control=True, idle_heartbeat=5.0,
    )  # fmt: skip
    await client.jetstream().subscribe(
        "orders", cb=receive, config=begin, pending_msgs_limit=10_000_000, pending_bytes_limit=2**31
    )
    reporter.report(*counted.values())
    while not lost.is_set():  # then somebody starts this program again
        await arrived.wait()
        arrived.clear()
        batch, waiting[:] = waiting[:], []
        if batch:
            position = batch[-1].metadata.sequence.stream
            totals.add([json.loads(message.data) for message in batch], position)
            for grain in GRAINS:
                counted[grain] += len(batch)
            reporter.report(*counted.values())


if __name__ == "__main__":
    asyncio.run(main())
