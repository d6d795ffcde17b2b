"""Rows of CSV and NDJSON, clean and not."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.errors import ConfigError
from coffeert.inject.rows import BadRow, FileRow, Rows


def rows(data: bytes) -> list[FileRow | BadRow]:
    return list(Rows(io.BytesIO(data)))


def test_csv_with_a_header() -> None:
    read = Rows(io.BytesIO(b"drink,price\r\nlatte,4.80\r\n\r\n tea , \r\n"))
    assert read.columns == ("drink", "price")
    assert list(read) == [
        FileRow(2, {"drink": "latte", "price": "4.80"}),
        FileRow(4, {"drink": "tea"}),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_out(separator: str) -> None:
    text = f"drink{separator}price\nlatte{separator}4.80"
    assert rows(b"\xef\xbb\xbf" + text.encode()) == [
        FileRow(2, {"drink": "latte", "price": "4.80"})
    ]


def test_quoted_fields_may_hold_separators_and_line_breaks() -> None:
    read = rows(b'drink,note\n"flat, white","two\nlines"\ntea,x\n')
    assert read == [
        FileRow(2, {"drink": "flat, white", "note": "two\nlines"}),
        FileRow(4, {"drink": "tea", "note": "x"}),
    ]


def test_bad_rows_are_reported_by_line_and_the_others_read() -> None:
    assert rows(b"drink,price\nlatte\ntea,1,2\n\xff\xfe,1\nmocha,2\n") == [
        BadRow(2, "has 1 columns, the header 2"),
        BadRow(3, "has 3 columns, the header 2"),
        BadRow(4, "is not UTF-8"),
        FileRow(5, {"drink": "mocha", "price": "2"}),
    ]


def test_ndjson_keeps_the_text_of_numbers() -> None:
    read = rows(b'\n{"drink":"latte","price":4.10,"n":null}\n{"price":"0.30","drink":"t\\u00e9"}')
    assert read == [
        FileRow(2, {"drink": "latte", "price": "4.10"}),
        FileRow(3, {"drink": "té", "price": "0.30"}),
    ]


def test_other_lines_of_a_recording_are_ignored() -> None:
    assert rows(b'{"coffeert":"beat","at":1,"view":{"cells":[]}}\n{"drink":"tea"}\n') == [
        FileRow(2, {"drink": "tea"})
    ]


def test_bad_lines_of_ndjson_are_reported_and_the_others_read() -> None:
    bad = [b"{", b"[1]", b"7", b'{"a":{}}', b'{"a":[]}', b'{"a":"\xff"}', b'{"a":"\\ud800"}']
    read = rows(b'{"drink":"first"}\n' + b"\n".join(bad) + b'\n{"drink":"last"}\n')
    assert read[0] == FileRow(1, {"drink": "first"})
    assert read[-1] == FileRow(len(bad) + 2, {"drink": "last"})
    assert [row.line for row in read[1:-1] if isinstance(row, BadRow)] == list(
        range(2, len(bad) + 2)
    )


@pytest.mark.parametrize("data", [b"", b"\n\n", b",,\n", b"\x7fELF\x00\x01\n", b"a\rb\rc\n\n"])
def test_what_is_neither_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(ConfigError, match="neither NDJSON nor CSV"):
        rows(data)


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(ConfigError, match="Line 3 is too long"):
        rows(b"drink\nlatte\n" + b"x" * 20_000_000)


class SlowStream:
    """A stream that gives a few bytes at a time, as a pipe does."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read1(self, size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def test_a_row_is_there_as_soon_as_its_line_is_whole() -> None:
    read = Rows(SlowStream(b"dri", b"nk\nla", b"tte\ntea\n", b"mo", b"cha"))
    each = iter(read)
    assert next(each) == FileRow(2, {"drink": "latte"})
    assert read.ready(), "the next line was read with it"
    assert next(each) == FileRow(3, {"drink": "tea"})
    assert not read.ready(), "the next one must be waited for"
    assert next(each) == FileRow(4, {"drink": "mocha"})


text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1)


@settings(deadline=None)
@given(st.lists(st.tuples(text, text), min_size=1), st.integers(1, 50))
def test_csv_written_by_others_reads_back(values: list[tuple[str, str]], piece: int) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("one", "two"), *values])
    data = file.getvalue().encode()
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    read = list(Rows(SlowStream(*pieces)))
    assert read == [FileRow(n, {"one": a, "two": b}) for n, (a, b) in enumerate(values, 2)]


@settings(deadline=None)
@given(st.lists(st.tuples(text, st.decimals(0, 10**6, places=2)), min_size=1))
def test_ndjson_written_by_others_reads_back(values: list[tuple[str, Decimal]]) -> None:
    encoder = msgspec.json.Encoder(decimal_format="number")
    data = b"\n".join(encoder.encode({"drink": name, "price": price}) for name, price in values)
    assert rows(data) == [
        FileRow(n, {"drink": name, "price": f"{price}"})
        for n, (name, price) in enumerate(values, 1)
    ]
