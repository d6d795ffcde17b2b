"""A table in PostgreSQL, and the cursor in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from coffeert.errors import SinkBusy
from coffeert.postgres.connecting import DatabaseConnection, open_connection
from coffeert.postgres.errors import translate_target_errors
from coffeert.sinks.columns import COLUMNS, values
from coffeert.wire.feed import OrderEvent

# Two processes that begin at once must not both make them.
_TABLES = """
SELECT pg_advisory_xact_lock(hashtextextended('coffeert feed --to', 0));
CREATE TABLE IF NOT EXISTS coffeert_event (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE, type text NOT NULL, order_id uuid NOT NULL, store text NOT NULL,
    drink text NOT NULL, quantity integer NOT NULL, price numeric NOT NULL, total numeric NOT NULL,
    placed_at timestamptz NOT NULL, received_at timestamptz NOT NULL, voids uuid, source text, receipt text
);
CREATE TABLE IF NOT EXISTS coffeert_cursor (one integer PRIMARY KEY CHECK (one = 1), cursor text);
INSERT INTO coffeert_cursor VALUES (1, NULL) ON CONFLICT DO NOTHING;
"""
_MOVE = """
UPDATE coffeert_cursor SET cursor = $1
WHERE cursor IS NOT DISTINCT FROM $2 RETURNING one
"""


class PostgresSink:
    """Fills `coffeert_event`; `place` rises in the order of the feed.

    The cursor moves on only from where this process left it, so a second process stops with an error.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: DatabaseConnection | None = None
        self._cursor: str | None = None

    async def open(self) -> None:
        self._connection = await open_connection(self._url, application_name="coffeert feed")
        with translate_target_errors():
            async with self._connection.transaction():
                await self._connection.execute(_TABLES)
            self._cursor = await self._connection.fetchval("SELECT cursor FROM coffeert_cursor")

    async def cursor(self) -> str | None:
        return self._cursor

    async def write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        assert self._connection is not None
        with translate_target_errors():
            async with self._connection.transaction():
                if await self._connection.fetchval(_MOVE, cursor, self._cursor) is None:
                    raise SinkBusy("Another process writes the feed to the same database.")
                await self._connection.copy_records_to_table(
                    "coffeert_event", columns=COLUMNS, records=map(_record, events)
                )
        self._cursor = cursor

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()


def _record(event: OrderEvent) -> tuple[object, ...]:
    row = dict(zip(COLUMNS, values(event), strict=True))
    for name in ("price", "total"):
        row[name] = Decimal(row[name])
    for name in ("order_id", "voids"):
        row[name] = row[name] and UUID(row[name])
    return tuple(row.values())
