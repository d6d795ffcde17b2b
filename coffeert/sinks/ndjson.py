"""A file of JSON lines; the cursor and the length that belongs to it are in a second file beside it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec

from coffeert.durable_file import replace_file
from coffeert.errors import ConfigError, SinkBusy
from coffeert.wire.feed import OrderEvent
from coffeert.wire.orders import encode


class LineFileState(msgspec.Struct, frozen=True):
    """The cursor behind the first `length` bytes of a file."""

    cursor: str | None
    length: Annotated[int, msgspec.Meta(ge=0)]


_decode_state: Final = msgspec.json.Decoder(LineFileState).decode


class LineFileSink:
    """Appends, with fsync, then replaces the state; what lies behind its length is cut off at the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state_path = path.with_name(f"{path.name}.cursor")
        self._state: LineFileState | None = None
        self._file = -1

    async def open(self) -> None:
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SinkBusy(f"Another process writes to {self._path}.") from None
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be opened: {error.strerror}.") from None
        self._state = self._read_state()
        length = 0 if self._state is None else self._state.length
        size = os.fstat(self._file).st_size
        if size < length:
            raise ConfigError(
                f"{self._path} is shorter than {self._state_path} says: lines are missing. "
                "Remove both to write all again."
            )
        if self._state is None and size:
            # The state is there before the first line is: this is somebody else's file.
            raise ConfigError(
                f"{self._path} has content, and there is no {self._state_path} that says what of it is the "
                "feed's. Remove it, or name another file."
            )
        try:
            os.ftruncate(self._file, length)
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error.strerror}.") from None

    async def cursor(self) -> str | None:
        return None if self._state is None else self._state.cursor

    async def write(self, events: Sequence[OrderEvent], cursor: str) -> None:
        lines = b"".join(b"%b\n" % encode(event) for event in events)
        await asyncio.to_thread(self._append, lines, cursor)

    async def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, lines: bytes, cursor: str) -> None:
        before = 0 if self._state is None else self._state.length
        try:
            if self._state is None:
                self._keep(LineFileState(None, 0))
            written = 0
            while written < len(lines):
                written += os.pwrite(self._file, lines[written:], before + written)
            os.fsync(self._file)
            self._keep(LineFileState(cursor, before + len(lines)))
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error.strerror}.") from None

    def _keep(self, state: LineFileState) -> None:
        replace_file(self._state_path, encode(state) + b"\n")
        self._state = state

    def _read_state(self) -> LineFileState | None:
        try:
            return _decode_state(self._state_path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            raise ConfigError(f"{self._state_path} holds no cursor of a feed.") from None
