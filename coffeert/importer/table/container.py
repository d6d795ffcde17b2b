"""The bytes of a file as its owner gives it: plain, compressed, in an archive, or on standard input.

What a file is follows from its first bytes, never from its name. Nothing is unpacked to memory; each reader
streams the file again.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import shutil
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

from coffeert.errors import ConfigError
from coffeert.printable import printable

_MEBIBYTE = 1 << 20
_MAX_RATIO = 400
"""A table compresses to a twentieth or so; a file beyond this is meant to fill disks."""
_RATIO_COUNTS_FROM = 256 * _MEBIBYTE
"""Unpacked; below, no harm is done."""
_MAX_DEPTH = 3

_BROKEN_ARCHIVE = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)
"""What zipfile raises for archives that are not as they should be, or compressed in a rare way."""

_TABLE_SUFFIXES = (".csv", ".tsv", ".xlsx", ".xlsm", ".json", ".ndjson", ".jsonl")
_OTHER_KINDS = {
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"II*\x00": "an image",
    b"MM\x00*": "an image",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"SQLite format 3": "an SQLite database",
    b"{\\rtf": "a text document (RTF)",
    b"\x7fELF": "a program",
    b"MZ\x90\x00": "a program",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel file (.xls), or an Excel file with a password",
}
_ADVICE = "export the sales as CSV or XLSX, unpacked and without a password"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A file's content. `digest` is the SHA-256 of the bytes as given, before any unpacking.

    `part` is the option that chose the content among others in an archive.
    """

    name: str
    digest: str
    kind: Literal["text", "workbook"]
    facts: tuple[str, ...]
    part: tuple[str, ...]
    open: Callable[[], BinaryIO]


@contextmanager
def open_content(path: Path | None, part: str | None) -> Iterator[FileContent]:
    """Recognise what `path` holds, standard input for `None`; `part` names a file of an archive.

    Raises `ConfigError` if it cannot be read or is no table.
    """
    name = "standard input" if path is None else printable(path.name)
    with tempfile.TemporaryDirectory(prefix="coffeert-import-") as folder:
        spool = Path(folder)
        try:
            if path is None:
                path = _copied(sys.stdin.buffer, spool / "input")
            elif path.is_dir():
                raise ConfigError(f"{name} is a folder; name the files in it.")
            elif path.exists() and not path.is_file():
                with path.open("rb") as pipe:  # can be read once only
                    path = _copied(pipe, spool / "input")
            state = _state(path)
            digest = _digest(path)
        except OSError as error:
            raise ConfigError(f"{name} cannot be read: {error.strerror or error}.") from error
        yield _unpack(_Content(name, path, state), digest, part, spool)


def _copied(source: BinaryIO, path: Path) -> Path:
    with path.open("wb") as copy:
        shutil.copyfileobj(source, copy, _MEBIBYTE)
    return path


def _state(path: Path) -> tuple[int, int]:
    """What changes whenever a file is written."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(slots=True)
class _Content:
    """What is left to unpack."""

    name: str
    path: Path
    state: tuple[int, int]
    compressed: bool = False
    facts: tuple[str, ...] = ()
    part: tuple[str, ...] = ()

    def open(self) -> BinaryIO:
        try:
            changed = _state(self.path) != self.state
        except OSError as error:
            raise ConfigError(f"{self.name} is gone: {error.strerror}.") from error
        if changed:
            raise ConfigError(f"{self.name} was changed while it was read: import it again.")
        if self.compressed:
            return cast("BinaryIO", io.BufferedReader(_Gunzipped(self.path, self.name), _MEBIBYTE))
        return self.path.open("rb")


def _unpack(content: _Content, digest: str, part: str | None, spool: Path) -> FileContent:
    for depth in range(_MAX_DEPTH + 1):
        with content.open() as file:
            head = file.read(512)
        if not head:
            raise ConfigError(f"{content.name} is empty.")
        if head.startswith(b"\x1f\x8b"):
            if content.compressed:
                content = _spooled(content, spool / str(depth))
            content.compressed = True
        elif head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            if content.compressed:
                content = _spooled(content, spool / str(depth))
            if _is_workbook(content):
                return _source(content, digest, "workbook")
            content = _member(content, part, spool / f"member-{depth}")
        else:
            _refuse_other_kinds(content.name, head)
            return _source(content, digest, "text")
    raise ConfigError(
        f"{content.name} is packed more than {_MAX_DEPTH} times over; unpack it first."
    )


def _source(content: _Content, digest: str, kind: Literal["text", "workbook"]) -> FileContent:
    return FileContent(
        name=content.name,
        digest=digest,
        kind=kind,
        facts=content.facts,
        part=content.part,
        open=content.open,
    )


def _refuse_other_kinds(name: str, head: bytes) -> None:
    for magic, kind in _OTHER_KINDS.items():
        if head.startswith(magic):
            raise ConfigError(f"{name} is {kind}: {_ADVICE}.")
    start = head.removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b"").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<head", b"<meta", b"<style")):
        raise ConfigError(
            f"{name} is a web page (HTML), whatever its name says: open it in a spreadsheet program "
            "and save it as XLSX or CSV."
        )
    if start.startswith(b"<?xml"):
        raise ConfigError(
            f"{name} is XML: open it in a spreadsheet program and save it as XLSX or CSV."
        )


class _Gunzipped(io.RawIOBase):
    """A gzip file's content, with the owner's sentence instead of zlib's."""

    def __init__(self, path: Path, name: str) -> None:
        self._file = gzip.open(path, "rb")  # noqa: SIM115 - closed in close()
        self._name = name
        self._limit = max(_RATIO_COUNTS_FROM, path.stat().st_size * _MAX_RATIO)
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed: any Buffer
        try:
            data = self._file.read(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ConfigError(
                f"{self._name} is cut short or damaged: it cannot be unpacked to its end."
            ) from error
        self._count += len(data)
        if self._count > self._limit:
            raise ConfigError(_bomb(self._name))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _bomb(name: str) -> str:
    return f"{name} unpacks to more than {_MAX_RATIO} times its size, which no table does."


def _spooled(content: _Content, path: Path) -> _Content:
    """Unpack to disk, since an archive within is read out of order."""
    with content.open() as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain, _MEBIBYTE)
    return _Content(content.name, path, _state(path), facts=content.facts, part=content.part)


def _archive(content: _Content) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(content.path)
    except _BROKEN_ARCHIVE as error:
        raise ConfigError(
            f"{content.name} is cut short or damaged: it cannot be unpacked."
        ) from error


def _is_workbook(content: _Content) -> bool:
    with _archive(content) as archive:
        names = set(archive.namelist())
        if "xl/workbook.xml" in names:
            return True
        if "xl/workbook.bin" in names:
            raise ConfigError(
                f"{content.name} is a binary Excel file (.xlsb): save it as XLSX or CSV."
            )
        if "[Content_Types].xml" in names:
            raise ConfigError(f"{content.name} is a text document or a presentation: {_ADVICE}.")
        if "mimetype" in names and "content.xml" in names:
            raise ConfigError(
                f"{content.name} is an OpenDocument file (.ods, .odt): save it as XLSX or CSV."
            )
    return False


def _member(content: _Content, part: str | None, path: Path) -> _Content:
    with _archive(content) as archive:
        info, others = _choose(content.name, archive, part)
        if info.file_size > max(_RATIO_COUNTS_FROM, info.compress_size * _MAX_RATIO):
            raise ConfigError(_bomb(content.name))
        try:
            with archive.open(info) as packed, path.open("wb") as plain:
                shutil.copyfileobj(packed, plain, _MEBIBYTE)
        except _BROKEN_ARCHIVE as error:
            raise ConfigError(
                f"{content.name} cannot be unpacked here: unpack it first."
            ) from error
        except RuntimeError as error:  # zipfile has no class of its own for a password
            raise ConfigError(f"{content.name} has a password: unpack it first.") from error
    member = printable(info.filename)
    fact = f"Of the archive, {member} is read."
    if others:
        fact = f"Of the archive, {member} is read, and not {', '.join(map(printable, others[:5]))}."
    return _Content(
        f"{content.name}: {member}",
        path,
        _state(path),
        facts=(*content.facts, fact),
        part=("--sheet", info.filename) if part == info.filename else (),
    )


def _choose(
    name: str, archive: zipfile.ZipFile, part: str | None
) -> tuple[zipfile.ZipInfo, list[str]]:
    """The file named `part`, or the only one, or the only one that is called a table; then the others."""
    files = [info for info in archive.infolist() if not info.is_dir() and not _is_litter(info)]
    if not files:
        raise ConfigError(f"{name} is an archive without files.")
    tables = [info for info in files if info.filename.lower().endswith(_TABLE_SUFFIXES)]
    named = [info for info in files if info.filename == part]
    chosen = next((found for found in (named, files, tables) if len(found) == 1), [])
    if not chosen:
        names = [printable(info.filename) for info in files]
        listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise ConfigError(
            f"{name} is an archive of {len(files)} files ({listed}): choose one with --sheet, "
            f"such as --sheet {names[0]!r}, or unpack it and import each."
        )
    return chosen[0], [info.filename for info in files if info is not chosen[0]]


def _is_litter(info: zipfile.ZipInfo) -> bool:
    """What macOS and Windows add to archives."""
    *folders, file = info.filename.split("/")
    return "__MACOSX" in folders or file.startswith(".") or file in ("Thumbs.db", "desktop.ini")
