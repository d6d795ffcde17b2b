"""Where the bytes come from: files, archives, standard input; and what is no table."""

import bz2
import gzip
import hashlib
import io
import os
import sys
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from coffeert.errors import ConfigError
from coffeert.importer.table.opening import open_table
from tests.unit.importer.tables import Read, read_text, rows_of

TEXT = "Time,Item,Qty\n08:00,Latte,1\n08:05,Tea,2\n"
CELLS = rows_of(("08:00", "Latte", "1"), ("08:05", "Tea", "2"))


def archive(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in files.items():
            written.writestr(name, content)
    return path


def test_digest_and_name_are_those_of_the_file(tmp_path: Path) -> None:
    read = read_text(tmp_path, gzip.compress(TEXT.encode(), mtime=0))
    assert read.digest == hashlib.sha256(gzip.compress(TEXT.encode(), mtime=0)).hexdigest()
    assert read.name == "sales.csv"


def test_gzip_is_recognised_by_content(tmp_path: Path) -> None:
    assert read_text(tmp_path, gzip.compress(TEXT.encode(), mtime=0)).cells == CELLS
    half = len(TEXT) // 2
    two_members = gzip.compress(TEXT[:half].encode(), mtime=0) + gzip.compress(TEXT[half:].encode())
    assert read_text(tmp_path, two_members).cells == CELLS


@pytest.mark.parametrize("cut", [-1, -9, 15])
def test_gzip_cut_short(tmp_path: Path, cut: int) -> None:
    data = gzip.compress("".join(f"08:00,Latte,{number}\n" for number in range(5_000)).encode())
    with pytest.raises(ConfigError, match="cut short or damaged"):
        read_text(tmp_path, data[:cut])


def test_archive_of_one_table(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "export.zip",
        {"data/sales.csv": TEXT, "__MACOSX/data/._sales.csv": b"\0", "data/.DS_Store": b"\0"},
    )
    read = Read(path)
    assert read.cells == CELLS
    assert read.name == "export.zip: data/sales.csv"
    assert read.arguments == ()


def test_archive_of_a_table_and_a_letter(tmp_path: Path) -> None:
    read = Read(archive(tmp_path / "a.zip", {"read me.pdf": b"%PDF-1.7", "sales.csv": TEXT}))
    assert read.cells == CELLS
    assert "Of the archive, sales.csv is read, and not read me.pdf." in read.facts


def test_archive_of_several_tables_asks_and_takes_an_answer(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"mon.csv": TEXT, "tue.csv": TEXT.replace("Latte", "Mocha")})
    with pytest.raises(ConfigError, match=r"mon\.csv, tue\.csv.*--sheet 'mon\.csv'"):
        Read(path)
    read = Read(path, sheet="tue.csv")
    assert read.cells[0] == ("08:00", "Mocha", "1")
    assert read.arguments == ("--sheet", "tue.csv")
    with pytest.raises(ConfigError, match="choose one"):
        Read(path, sheet="wed.csv")


def test_text_has_no_sheets(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no sheets"):
        read_text(tmp_path, TEXT, sheet="Sales")


def test_packed_within_packed(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", {"sales.csv.gz": gzip.compress(TEXT.encode(), mtime=0)})
    path = tmp_path / "outer.gz"
    path.write_bytes(gzip.compress(inner.read_bytes(), mtime=0))
    assert Read(path).cells == CELLS


def test_packed_too_often(tmp_path: Path) -> None:
    data = TEXT.encode()
    for _ in range(6):
        data = gzip.compress(data, mtime=0)
    with pytest.raises(ConfigError, match="unpack it first"):
        read_text(tmp_path, data)


def test_file_that_unpacks_beyond_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffeert.importer.table.container._RATIO_COUNTS_FROM", 1 << 20)
    bomb = ("Time,Item\n" + "08:00,Latte\n" * 2_000_000).encode()
    with pytest.raises(ConfigError, match="400 times its size"):
        read_text(tmp_path, gzip.compress(bomb[:24_000_000] + b"\n" * (1 << 26), mtime=0))
    with pytest.raises(ConfigError, match="400 times its size"):
        Read(archive(tmp_path / "bomb.zip", {"a.csv": b"\n" * (1 << 26)}))


def test_archive_with_a_password(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"sales.csv": TEXT})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag of an encrypted file, in both places
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="password"):
        Read(path)


def test_damaged_archive(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"sales.csv": TEXT * 100})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ConfigError, match="cut short or damaged"):
        Read(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "no rows"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), r"old Excel file \(.xls\)"),
        (bz2.compress(b"a"), "bzip2"),
        (bytes(range(256)) * 20, "not a text"),
        (bytes(5_000), "not a text"),
        (b"<html><table><tr><td>Time</td></tr></table></html>", "HTML"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html></html>", "HTML"),
        (b"<?xml version='1.0'?><Workbook/>", "XML"),
        (b"SQLite format 3\0" + bytes(100), "SQLite"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        read_text(tmp_path, content)


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"[Content_Types].xml": "", "word/document.xml": ""}, "text document"),
        ({"[Content_Types].xml": "", "xl/workbook.bin": ""}, "xlsb"),
        ({"mimetype": "application/vnd.oasis", "content.xml": ""}, "OpenDocument"),
        ({}, "without files"),
    ],
)
def test_archives_that_are_no_tables(
    tmp_path: Path, files: dict[str, str | bytes], what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        Read(archive(tmp_path / "file", files))


def test_folder_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        Read(tmp_path)
    with pytest.raises(ConfigError, match=r"missing\.csv cannot be read: No such file"):
        Read(tmp_path / "missing.csv")


@pytest.mark.parametrize("content", [TEXT.encode(), gzip.compress(TEXT.encode(), mtime=0)])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    read = Read(None)
    assert (read.name, read.cells) == ("standard input", CELLS)
    assert read.digest == hashlib.sha256(content).hexdigest()


def test_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(TEXT,))
    writer.start()
    read = Read(path)
    writer.join()
    assert (read.name, read.cells) == ("pipe", CELLS)


def test_file_changed_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(TEXT)
    with open_table(path) as table:
        path.write_text(TEXT + "08:09,Tea,1\n")
        with pytest.raises(ConfigError, match="was changed while it was read"):
            list(table.rows())
        path.unlink()
        with pytest.raises(ConfigError, match="is gone"):
            list(table.rows())


def test_rows_can_be_left_and_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(TEXT)
    with open_table(path) as table:
        next(table.rows())
        assert len(list(table.rows())) == 2
