"""A table in a DuckDB file with the cursor in the same transaction, and a directory of Parquet files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coffeert.errors import ConfigError, SinkBusy, SinkUnavailable
from coffeert.sinks.columns import COLUMNS, values
from coffeert.wire.feed import OrderEvent

if TYPE_CHECKING:
    import duckdb

TYPES: Final = (
    "VARCHAR", "VARCHAR", "UUID", "VARCHAR", "VARCHAR", "INTEGER", "DECIMAL(18, 4)", "DECIMAL(18, 4)",
    "TIMESTAMPTZ", "TIMESTAMPTZ", "UUID", "VARCHAR", "VARCHAR",
)  # fmt: skip
"""Of `COLUMNS`; no currency has more than four decimal places (ISO 4217)."""

# Columns are handed over as whole lists: a row at a time would take a millisecond each.
UNNESTED: Final = "SELECT " + ", ".join(
    f"unnest(?::VARCHAR[])::{kind} AS {name}" for name, kind in zip(COLUMNS, TYPES, strict=True)
)
_EVENT_TABLE: Final = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, TYPES, strict=True))


def column_lists(events: Sequence[OrderEvent]) -> list[list[str | None]]:
    """Return the parameters of `UNNESTED`."""
    rows = [[_text(value) for value in values(event)] for event in events]
    return [list(column) for column in zip(*rows, strict=True)]


class DuckDBSink:
    """Fills the table `event`, whose rows stay in the order of the feed; DuckDB locks the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: duckdb.DuckDBPyConnection | None = None

    async def open(self) -> None:
        await asyncio.to_thread(self._open)

    async def cursor(self) -> str | None:
        assert self._connection is not None
        row = self._connection.execute("SELECT cursor FROM cursor").fetchone()
        return None if row is None else str(row[0])

    async def write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        await asyncio.to_thread(self._write, events, cursor)

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> None:
        import duckdb

        try:
            self._connection = connection = duckdb.connect(self._path)
            connection.execute(f"CREATE TABLE IF NOT EXISTS event ({_EVENT_TABLE})")
            connection.execute("CREATE TABLE IF NOT EXISTS cursor (cursor VARCHAR)")
        except duckdb.IOException as error:
            if "Could not set lock" in str(error):
                raise SinkBusy(f"Another process has {self._path} open.") from None
            raise ConfigError(f"{self._path} cannot be opened as a DuckDB file.") from None
        except duckdb.Error:
            raise ConfigError(f"{self._path} cannot be opened as a DuckDB file.") from None

    def _write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        import duckdb

        connection = self._connection
        assert connection is not None
        try:
            connection.begin()
            if events:
                connection.execute(f"INSERT INTO event {UNNESTED}", column_lists(events))
            connection.execute("DELETE FROM cursor")
            connection.execute("INSERT INTO cursor VALUES (?)", [cursor])
            connection.commit()
        except (duckdb.ProgrammingError, duckdb.DataError, duckdb.IntegrityError):
            raise ConfigError(
                f"{self._path} has other tables named event or cursor than `coffeert feed` makes: name "
                "another file."
            ) from None
        except duckdb.Error:
            raise SinkUnavailable(f"{self._path} cannot be written.") from None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
