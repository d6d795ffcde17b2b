"""Keeps bytes that are seldom read in unnamed files instead of in memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from typing import Final, Protocol

MAX_FILE_BYTES: Final = 2 * 1024 * 1024
"""A file that has reached this gets no more: disk space is freed a file at a time."""


class Blob(Protocol):
    """Bytes that were put away."""

    def read(self) -> bytes:
        """Return the bytes; raises `OSError` if the disk does not return them."""


class SpillFile:
    """Keeps bytes for as long as the `Blob` that `put` returned for them is referenced.

    The files lie in the directory for temporary files. Only this user can open them, they have no names,
    and they are gone with the process, however it ends.
    """

    __slots__ = ("_file",)

    def __init__(self) -> None:
        self._file: _UnnamedFile | None = None

    def put(self, data: bytes) -> Blob:
        """Write bytes to disk; if the disk does not take them, they stay in memory."""
        try:
            if self._file is None or self._file.size >= MAX_FILE_BYTES:
                self._file = _UnnamedFile()
            return self._file.put(data)
        except OSError:
            return _InMemoryBlob(data)


class _UnnamedFile:
    """One file, closed when no blob in it is referenced any more."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile(prefix="coffeert-") as file:
            self.fd = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.fd)
        self.size = 0

    def put(self, data: bytes) -> Blob:
        if os.pwrite(self.fd, data, self.size) < len(data):
            raise OSError("the disk took a part only")
        blob = _OnDiskBlob(self, self.size, len(data))
        self.size += len(data)
        return blob


class _OnDiskBlob:
    __slots__ = ("_file", "_length", "_start")

    def __init__(self, file: _UnnamedFile, start: int, length: int) -> None:
        self._file = file
        self._start = start
        self._length = length

    def read(self) -> bytes:
        data = os.pread(self._file.fd, self._length, self._start)
        if len(data) < self._length:
            raise OSError("the disk returned a part only")
        return data


class _InMemoryBlob:
    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data
