"""The shelf: what is seldom looked at lies in files without names instead of in memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from typing import Final, Protocol

SEGMENT_BYTES: Final = 2 * 1024 * 1024
"""A file takes no more when it is as long as this: disk is given back a file at a time."""


class Blob(Protocol):
    """Something that was put away."""

    def read(self) -> bytes:
        """Return it; raises `OSError` where the disk does not give it back."""


class SpillFile:
    """Keeps bytes for as long as somebody holds what `put` returned.

    The files lie in the directory for temporary files. They are open to this user only, have no names, and
    are gone with the process, however it ends.
    """

    __slots__ = ("_segment",)

    def __init__(self) -> None:
        self._segment: _SpillSegment | None = None

    def put(self, data: bytes) -> Blob:
        """Put bytes away; where the disk does not take them, they stay in memory."""
        try:
            if self._segment is None or self._segment.size >= SEGMENT_BYTES:
                self._segment = _SpillSegment()
            return self._segment.put(data)
        except OSError:
            return _InMemoryBlob(data)


class _SpillSegment:
    """One file; it is closed when nobody holds anything in it."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile(prefix="coffeert-") as file:
            self.fd = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.fd)
        self.size = 0

    def put(self, data: bytes) -> Blob:
        if os.pwrite(self.fd, data, self.size) < len(data):
            raise OSError("the disk took a part only")
        kept = _OnDiskBlob(self, self.size, len(data))
        self.size += len(data)
        return kept


class _OnDiskBlob:
    __slots__ = ("_length", "_segment", "_start")

    def __init__(self, segment: _SpillSegment, start: int, length: int) -> None:
        self._segment = segment
        self._start = start
        self._length = length

    def read(self) -> bytes:
        data = os.pread(self._segment.fd, self._length, self._start)
        if len(data) < self._length:
            raise OSError("the disk gave back a part only")
        return data


class _InMemoryBlob:
    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data
