"""The cells of a consumer by hand and its position in the log, in one SQLite transaction.

So each order is counted once, whenever the consumer is killed: it begins behind the stored position.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from coffeert.lab.rivals.programs.reporting import GRAINS, bucket

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
    """The cells by grain; `counted` are the orders in all cells of each."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = normal;" + _SCHEMA
        )
        self.counted = [self._count(grain) for grain in GRAINS]

    def position(self) -> int:
        return int(self._database.execute("SELECT sequence FROM position").fetchone()[0])

    def add(self, orders: Iterable[bytes], position: int) -> None:
        """Add orders, lines of JSON, and note the position, in one transaction."""
        decoded = [json.loads(order) for order in orders]
        rows = [
            (
                grain, bucket(grain, order["placed_at"]), order["store"], order["drink"],
                order["quantity"], order["quantity"] * 450,
            )
            for order in decoded for grain in GRAINS
        ]  # fmt: skip
        self._database.execute("BEGIN")
        self._database.executemany(_ADD, rows)
        self._database.execute("UPDATE position SET sequence = ?", (position,))
        self._database.execute("COMMIT")
        self.counted = [count + len(decoded) for count in self.counted]

    def _count(self, grain: str) -> int:
        row = self._database.execute("SELECT sum(orders) FROM cell WHERE grain = ?", (grain,))
        return row.fetchone()[0] or 0
