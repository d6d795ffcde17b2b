"""Whatever the bytes are, a file is read or refused in a sentence."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from coffeert.errors import ConfigError
from coffeert.importer.table.opening import open_table

_TEXT = 'sep=;\nZeit;Artikel;Preis\n08:00;"Café ""x"" €";4,80\n\n08:05;Süßes;3,90\nGesamt;;8,70\n'


def _workbook() -> bytes:
    workbook = Workbook()
    for row in (["Time", "Item", "Price"], ["08:00", "Latte", 4.8], ["08:05", "Tea", 1]):
        workbook.active.append(row)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sales.csv", _TEXT)
    return file.getvalue()


_WHOLE = (
    _TEXT.encode(),
    _TEXT.encode("cp1252"),
    _TEXT.encode("utf-16"),
    _TEXT.encode("utf-16-le"),
    _TEXT.encode().decode("cp1252").encode(),
    b'[{"a": 1, "b": {"c": "x"}},\n {"a": 2.50}]',
    b'{"page": 1, "rows": [{"a": 1}, {"a": null}]}',
    b'{"a":1}\n{"a":"2"}\n',
    gzip.compress(_TEXT.encode(), mtime=0),
    _archive(),
    _workbook(),
)

_damages = st.lists(
    st.tuples(
        st.floats(0, 1), st.sampled_from(["cut", "drop", "set", "insert"]), st.binary(max_size=4)
    ),
    max_size=4,
)


def _damaged(content: bytes, damages: list[tuple[float, str, bytes]]) -> bytes:
    for place, how, piece in damages:
        at = int(place * len(content))
        rest = {"cut": b"", "drop": content[at + 1 :], "set": content[at + len(piece) :]}
        content = content[:at] + piece * (how != "drop") + rest.get(how, content[at:])
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@given(content=st.builds(_damaged, st.sampled_from(_WHOLE), _damages) | st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(folder: Path, content: bytes) -> None:
    path = folder / "any"
    path.write_bytes(content)
    try:
        with open_table(path) as table:
            lines = [row.line for row in table.rows()]
    except ConfigError as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert sentence.isprintable()
    else:
        assert lines == sorted(lines)
        assert len(set(table.columns)) == len(table.columns) > 0
        assert all(fact.isprintable() for fact in table.facts)
