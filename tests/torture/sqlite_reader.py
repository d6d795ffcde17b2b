"""A program that follows the feed, and may be killed: what it read and its cursor are one transaction.

`python -m tests.torture.sqlite_reader URL FILE`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from uuid import UUID

from coffeert.client import Feed

_TABLES = """
    CREATE TABLE IF NOT EXISTS read (place INTEGER PRIMARY KEY, order_id BLOB);
    CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY, text TEXT);
"""


async def follow(url: str, file: str) -> None:
    """Read until killed, from where the last process was."""
    db = sqlite3.connect(file, isolation_level=None)
    db.executescript(_TABLES)
    known = db.execute("SELECT text FROM cursor").fetchone()
    async for batch in Feed(url, after=known[0] if known else "beginning", limit=100):
        db.execute("BEGIN IMMEDIATE")
        ids = [(UUID(event.data.order_id).bytes,) for event in batch.events]
        db.executemany("INSERT INTO read (order_id) VALUES (?)", ids)
        db.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (batch.cursor,))
        db.execute("COMMIT")


def ids_read(file: Path) -> list[UUID]:
    """Return the orders that such a program has read, in their order."""
    if not file.exists():
        return []
    db = sqlite3.connect(file)
    try:
        found = db.execute("SELECT order_id FROM read ORDER BY place").fetchall()
    except sqlite3.OperationalError:  # it was killed before it had made its tables
        return []
    finally:
        db.close()
    return [UUID(bytes=row[0]) for row in found]


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2]))
