"""Rows of NDJSON, clean and not."""

from __future__ import annotations

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


@pytest.mark.parametrize("data", [b"", b"\n\n", b",,\n", b"\x7fELF\x00\x01\n", b"drink\nlatte\n"])
def test_what_is_no_ndjson_is_left_to_import(data: bytes) -> None:
    with pytest.raises(
        ConfigError, match=r"^'my sales.csv' is empty or no .* import 'my sales.csv'`"
    ):
        Rows(io.BytesIO(data), "my sales.csv")


@pytest.mark.long
def test_an_endless_line_is_refused() -> None:
    with pytest.raises(ConfigError, match="Line 3 is too long"):
        rows(b'{"drink":"tea"}\n\n' + b"x" * 20_000_000)


class SlowStream:
    """A stream that gives a few bytes at a time, as a pipe does."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read1(self, size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def test_a_row_is_there_as_soon_as_its_line_is_whole() -> None:
    read = Rows(
        SlowStream(
            b'{"dr',
            b'ink":"latte"}\n{"drink":"tea"',
            b'}\n{"drink":"mocha"}\n',
            b"{",
            b'"drink":"chai"}',
        )
    )
    each = iter(read)
    assert next(each) == FileRow(1, {"drink": "latte"})
    assert next(each) == FileRow(2, {"drink": "tea"})
    assert read.ready(), "the next line was read with it"
    assert next(each) == FileRow(3, {"drink": "mocha"})
    assert not read.ready(), "the next one must be waited for"
    assert next(each) == FileRow(4, {"drink": "chai"})


text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1)


@settings(deadline=None)
@given(st.lists(st.tuples(text, st.decimals(0, 10**6, places=2)), min_size=1))
def test_ndjson_written_by_others_reads_back(values: list[tuple[str, Decimal]]) -> None:
    encoder = msgspec.json.Encoder(decimal_format="number")
    data = b"\n".join(encoder.encode({"drink": name, "price": price}) for name, price in values)
    assert rows(data) == [
        FileRow(n, {"drink": name, "price": f"{price}"})
        for n, (name, price) in enumerate(values, 1)
    ]
