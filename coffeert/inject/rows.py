"""Rows of a file of orders: CSV with a header, or NDJSON."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import msgspec

from coffeert.errors import ConfigError

_READ_BYTES = 65_536
_MAX_LINE_BYTES = 16 * 1024 * 1024
_SEPARATORS = ",;\t|"
# In a dashboard's recording, the lines that are not orders have this field.
_RECORDING_FIELD = "coffeert"
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Stream(Protocol):
    """Bytes of a file, a pipe or a terminal."""

    def read1(self, size: int, /) -> bytes:
        """Return what is available, at most `size` bytes; waits only if nothing is; empty at the end."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row's values as text, by column; a value that is empty or null is left out."""

    line: int
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    line: int
    reason: str


class Rows:
    """Iterates over the rows of a stream, which may be endless.

    `columns` are those of a CSV's header, `None` for NDJSON. Raises `ConfigError` if the stream is neither.
    """

    def __init__(self, stream: Stream) -> None:
        self._lines = _Lines(stream)
        self.columns: tuple[str, ...] | None = None
        first = next((line for line in self._lines if line.strip()), "")
        if first.lstrip().startswith("{"):
            self._rows = _ndjson_rows(chain([first], self._lines), self._lines.number)
        else:
            self.columns = _header(first)
            self._rows = self._csv_rows(first)

    def ready(self) -> bool:
        """Whether the next row can be read without waiting for the stream."""
        return self._lines.ready()

    def __iter__(self) -> Iterator[FileRow | BadRow]:
        return self._rows

    def _csv_rows(self, header: str) -> Iterator[FileRow | BadRow]:
        assert self.columns is not None
        reader = csv.reader(self._lines, delimiter=_separator(header))
        while True:
            line = self._lines.number() + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BadRow(line, f"cannot be read: {error}")
                continue
            if values:
                yield _csv_row(line, self.columns, values)


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


def _header(line: str) -> tuple[str, ...]:
    try:
        names = next(csv.reader([line.rstrip("\r\n")], delimiter=_separator(line)), [])
    except csv.Error:
        names = []
    columns = tuple(name.strip() for name in names)
    if not any(columns) or not all(name.isprintable() for name in columns):
        raise ConfigError("The file is empty, or neither NDJSON nor CSV with a header.")
    return columns


def _separator(header: str) -> str:
    return max(_SEPARATORS, key=header.count)


def _csv_row(line: int, columns: tuple[str, ...], values: list[str]) -> FileRow | BadRow:
    if len(values) != len(columns):
        return BadRow(line, f"has {len(values)} columns, the header {len(columns)}")
    return _checked(
        line, {name: value.strip() for name, value in zip(columns, values, strict=True)}
    )


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
