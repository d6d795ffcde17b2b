"""Any table in any dialect is read back exactly, or refused."""

import codecs
import csv
import gzip
import io
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from coffeert.errors import ConfigError
from coffeert.importer.rows import RejectedRow, SkippedRow, TableRow
from coffeert.importer.table.opening import open_table

_NAMES = [
    "Zeit",
    "Artikel",
    "Menge",
    "Preis, brutto",
    "Prix TTC",
    "Notiz = frei",
    "Café",
    "商品",
    "Store?",
]
_WORDS = [
    "Latte",
    "Café crème",
    "Süßes",
    "",
    "4,80",
    "4.80",
    "x;y",
    "a|b",
    "a\tb",
    'say "hi"',
    "two\nlines",
    "-",
]
_ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "cp1252": b"",
}


class _File(NamedTuple):
    columns: list[str]
    rows: list[list[str]]
    encoding: str
    delimiter: str
    quoting: Literal[0, 1]
    end: str
    titles: list[str]
    states_separator: bool
    blank_lines: int
    packed: bool

    def content(self) -> bytes:
        text = io.StringIO(newline="")
        if self.states_separator:
            text.write(f"sep={self.delimiter}{self.end}")
        for title in self.titles:
            text.write(title + self.end)
        writer = csv.writer(
            text, delimiter=self.delimiter, quoting=self.quoting, lineterminator=self.end
        )
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        text.write(self.end * self.blank_lines)
        data = _ENCODINGS[self.encoding] + text.getvalue().encode(self.encoding)
        return gzip.compress(data, 1, mtime=0) if self.packed else data


@st.composite
def _files(draw: st.DrawFn) -> _File:
    columns = draw(st.lists(st.sampled_from(_NAMES), min_size=2, max_size=6, unique=True))
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 10**6).map(str),
                *[
                    st.sampled_from(_WORDS)
                    | st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5)
                    for _ in columns[1:]
                ],
            ).map(list),
            min_size=1,
            max_size=30,
        )
    )
    return _File(
        columns=columns,
        rows=rows,
        encoding=draw(st.sampled_from(list(_ENCODINGS))),
        delimiter=draw(st.sampled_from([",", ";", "\t", "|"])),
        quoting=draw(st.sampled_from((csv.QUOTE_ALL, csv.QUOTE_MINIMAL))),
        end=draw(st.sampled_from(["\n", "\r\n"])),
        titles=draw(st.lists(st.sampled_from(["", "Sales report", "Bericht 2026"]), max_size=2)),
        states_separator=draw(st.booleans()),
        blank_lines=draw(st.integers(0, 2)),
        packed=draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@given(file=_files())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.long
def test_any_table_is_read_back_or_refused(folder: Path, file: _File) -> None:
    try:
        content = file.content()
    except UnicodeEncodeError:
        event("not in this code page")
        return
    path = folder / "any"
    path.write_bytes(content)
    try:
        with open_table(path) as table:
            columns, rows = table.columns, list(table.rows())
            told = " ".join(table.facts)
    except ConfigError as error:
        event(f"refused: {str(error)[:30]}")
        return
    event("read")
    assert list(columns) == file.columns
    lost = [row for row in rows if isinstance(row, (RejectedRow, SkippedRow))]
    got = [list(row.cells) for row in rows if isinstance(row, TableRow)]
    assert not lost
    assert len(got) == len(file.rows)
    if not any(said in told for said in ("Windows-1252", "NUL", "mangled")):
        assert got == file.rows
