"""A directory of Parquet files: nothing can be added to one, so each batch becomes a file.

The cursor is in the file's own metadata, so both appear with one renaming.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coffeert.durable_file import flush_directory
from coffeert.errors import ConfigError, SinkBusy
from coffeert.sinks.duckdb import UNNESTED, column_lists
from coffeert.wire.feed import OrderEvent

_KEY: Final = "coffeert_cursor"


class ParquetSink:
    """Writes `000000000001.parquet` and so on; a batch without events leaves the cursor where it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._lock = -1

    async def open(self) -> None:
        try:
            self._path.mkdir(exist_ok=True)
            self._lock = os.open(self._path, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for unfinished in self._path.glob("*.parquet.new"):
                unfinished.unlink()
        except BlockingIOError:
            raise SinkBusy(f"Another process writes to {self._path}.") from None
        except OSError as error:
            raise ConfigError(
                f"{self._path} is no directory to write to: {error.strerror}."
            ) from None

    async def cursor(self) -> str | None:
        return await asyncio.to_thread(self._read_cursor)

    async def write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        if events:
            await asyncio.to_thread(self._write, events, cursor)

    async def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _read_cursor(self) -> str | None:
        import duckdb

        last = max(self._path.glob("*.parquet"), default=None)
        if last is None:
            return None
        try:
            self._number = int(last.stem)
            with duckdb.connect() as connection:
                row = connection.execute(
                    "SELECT value FROM parquet_kv_metadata(?) WHERE key = ?",
                    [str(last), _KEY.encode()],
                ).fetchone()
        except (ValueError, duckdb.Error):
            row = None
        if row is None:
            raise ConfigError(f"{last} is not a part that `coffeert feed` has written.")
        return bytes(row[0]).decode()

    def _write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        import duckdb

        part = self._path / f"{self._number + 1:012}.parquet"
        new = part.with_name(f"{part.name}.new")
        # COPY takes no parameters: a cursor has no quote in it, and a path's are doubled.
        target = str(new).replace("'", "''")
        assert "'" not in cursor
        try:
            with duckdb.connect() as connection:
                connection.execute(f"CREATE TABLE event AS {UNNESTED}", column_lists(events))
                connection.execute(
                    f"COPY event TO '{target}' (FORMAT parquet, KV_METADATA {{{_KEY}: '{cursor}'}})"
                )
            with new.open("rb+") as file:
                os.fsync(file.fileno())
            new.rename(part)
            flush_directory(self._path)
        except (OSError, duckdb.Error):
            raise ConfigError(f"{part} cannot be written.") from None
        self._number += 1
