"""Rows of a file of orders in NDJSON."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import msgspec

from coffeert.errors import ConfigError

_READ_BYTES = 65_536
_MAX_LINE_BYTES = 16 * 1024 * 1024
# In a dashboard's recording, the lines that are not orders have this field.
_RECORDING_FIELD = "coffeert"
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Stream(Protocol):
    """Bytes of a file, a pipe or a terminal."""

    def read1(self, size: int, /) -> bytes:
        """Return what is available, at most `size` bytes; waits only if nothing is; empty at the end."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row's values as text, by field; a value that is empty or null is left out."""

    line: int
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    line: int
    reason: str


class Rows:
    """Iterates over the rows of a stream of NDJSON, which may be endless.

    `name` is the file's. Raises `ConfigError` if the stream is something else.
    """

    def __init__(self, stream: Stream, name: str = "-") -> None:
        self._lines = _Lines(stream)
        first = next((line for line in self._lines if line.strip()), "")
        if not first.lstrip().startswith("{"):
            raise ConfigError(
                f"{name!r} is empty or no NDJSON; `coffeert import {shlex.quote(name)}` loads what tills "
                "and spreadsheets write."
            )
        self._rows = _ndjson_rows(chain([first], self._lines), self._lines.number)

    def ready(self) -> bool:
        """Whether the next row can be read without waiting for the stream."""
        return self._lines.ready()

    def __iter__(self) -> Iterator[FileRow | BadRow]:
        return self._rows


class _Lines:
    """Lines of bytes as text; knows whether another one has been read already."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._complete: list[bytes] = []
        self._rest = b""
        self._count = 0
        self._ended = False

    def ready(self) -> bool:
        return bool(self._complete)

    def number(self) -> int:
        """Return the number of the line that was returned last, counting from 1."""
        return self._count

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self._complete and not self._ended:
            self._read()
        if not self._complete:
            raise StopIteration
        line = self._complete.pop()
        self._count += 1
        if self._count == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        return line.decode("utf-8", "surrogateescape") + "\n"

    def _read(self) -> None:
        data = self._stream.read1(_READ_BYTES)
        *complete, self._rest = (self._rest + data).split(b"\n")
        if not data:
            self._ended = True
            if self._rest:
                complete.append(self._rest)
        elif len(self._rest) > _MAX_LINE_BYTES:
            raise ConfigError(f"Line {self._count + len(complete) + 1} is too long to be an order.")
        self._complete = complete[::-1]


def _ndjson_rows(lines: Iterator[str], number: Callable[[], int]) -> Iterator[FileRow | BadRow]:
    for text in lines:
        line = number()
        if not text.strip():
            continue
        try:
            fields = _decode_object(text.encode("utf-8", "surrogateescape"))
            if _RECORDING_FIELD in fields:
                continue
            yield _checked(line, {name: _scalar(raw) for name, raw in fields.items()})
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            yield BadRow(line, "is not a JSON object of numbers and strings")


def _scalar(raw: msgspec.Raw) -> str:
    # A number keeps its text: money never passes through a binary float.
    text = bytes(raw).strip()
    if text == b"null":
        return ""
    if text[:1] in (b"{", b"["):
        raise ValueError
    return msgspec.json.decode(text, type=str) if text[:1] == b'"' else text.decode()


def _checked(line: int, values: dict[str, str]) -> FileRow | BadRow:
    try:
        "".join(values.values()).encode()
    except UnicodeEncodeError:
        return BadRow(line, "is not UTF-8")
    return FileRow(line, {name: value for name, value in values.items() if value})
