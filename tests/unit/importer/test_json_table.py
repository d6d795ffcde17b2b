"""Tables in JSON."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from coffeert.errors import ConfigError
from coffeert.importer.rows import RejectedRow
from tests.unit.importer.tables import read_text, rows_of


def test_objects_in_lines(tmp_path: Path) -> None:
    text = '{"at":8,"item":"Tea","price":4.10}\n\n{"item":"Tea","price":"2,9","qty":2.0}\r\n{"price":1e2}\n'
    read = read_text(tmp_path, text)
    assert read.columns == ("at", "item", "price", "qty")
    assert read.cells == rows_of(
        (8, "Tea", Decimal("4.10"), None),
        (None, "Tea", "2,9", Decimal("2.0")),
        (None, None, Decimal("1e2"), None),
    )
    assert read.lines == [1, 3, 4]
    assert str(read.cells[0][2]) == "4.10"


@pytest.mark.parametrize("indent", [None, 2])
def test_array_of_objects(tmp_path: Path, indent: int | None) -> None:
    rows = [
        {
            "id": 1300000015734303101,
            "ok": True,
            "who": {"first": "Ann", "tags": ["a", "b"], "no": None},
        }
    ]
    read = read_text(tmp_path, json.dumps(rows * 3, indent=indent))
    assert read.columns == ("id", "ok", "who.first", "who.tags", "who.no")
    assert read.cells == rows_of((1300000015734303101, True, "Ann", '["a", "b"]', None)) * 3
    assert read.lines == ([1, 1, 1] if indent is None else [2, 14, 26])


@pytest.mark.parametrize("indent", [None, 2])
def test_array_under_a_name(tmp_path: Path, indent: int | None) -> None:
    document = {
        "count": 2,
        "page": {"next": [1]},
        "empty": [],
        "orders": [{"item": "Latte"}, {"item": "Tea"}],
    }
    read = read_text(tmp_path, json.dumps(document, indent=indent))
    assert read.cells == rows_of(("Latte",), ("Tea",))
    assert any("under `orders`" in fact for fact in read.facts)


@pytest.mark.long
def test_array_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    rows = [{"n": number, "text": "ä" * (number % 50)} for number in range(60_000)]
    read = read_text(tmp_path, json.dumps(rows))
    assert read.cells == [(row["n"], row["text"]) for row in rows]


def test_element_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    read = read_text(tmp_path, json.dumps([{"text": "x" * 300_000, "n": 1}, {"n": 2}]))
    assert [cells[1] for cells in read.cells] == [1, 2]


@pytest.mark.parametrize("wrap", ["[{}]", '{{"page":1,"orders":[{}]}}'])
def test_array_in_one_line_of_any_length(tmp_path: Path, wrap: str) -> None:
    rows = ",".join(f'{{"n":{number},"text":"{"x" * 90}"}}' for number in range(50_000))
    read = read_text(tmp_path, wrap.format(rows))
    assert [cells[0] for cells in read.cells] == list(range(50_000))


def test_object_in_a_line_of_any_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 2 is too long"):
        read_text(tmp_path, '{"a":1}\n{"a":"' + "x" * 6_000_000 + '"}\n{"a":1}\n')


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"price":1,"price":2}', "`price`"),
        ('{"price":NaN}', "NaN"),
        ('{"price":-Infinity}', "-Infinity"),
        ('{"price":' + "1" * 5_000 + "}", "digits"),
        ('{"a.b":1,"a":{"b":2}}', "`a.b` twice"),
        ('{"item":"\\ud800"}', "half a character"),
        ('{"a":' * 30 + "1" + "}" * 30, "nested"),
    ],
)
def test_unusable_objects_are_rejected_in_each_form(tmp_path: Path, row: str, reason: str) -> None:
    for text in (
        f'{row}\n{{"price":5}}\n',
        f'[{row},\n{{"price":5}}]',
        f'{{"a":[{row},\n{{"price":5}}]}}',
    ):
        read = read_text(tmp_path, text)
        assert read.columns == ("price",)
        assert (read.lines, read.cells) == ([2], [(5,)])
        assert reason in read.rejected[1]


@pytest.mark.parametrize(
    "line",
    ["{oops", "[1]", "5", "null", '"text"', '{"a":1} {"b":2}', '{"a":1', "{'a': 1}", "[" * 50_000],
)
def test_broken_lines_are_rejected(tmp_path: Path, line: str) -> None:
    read = read_text(tmp_path, f'{{"price":4}}\n{{"price":5}}\n{line}\n')
    assert read.cells == rows_of((4,), (5,))
    (rejected,) = (row for row in read.all if isinstance(row, RejectedRow))
    assert rejected.line == 3
    assert "JSON" in rejected.reasons[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a":1},\n{"a":2}', "in line 2: it ends too early"),
        ('[{"a":1},\n{"a":', "in line 2: it ends too early"),
        ('[{"a":1}\n{"a":2}]', "in line 2: `,` is missing"),
        ('[{"a":1}]\n[]', "in line 2: something follows"),
        ('[{"a":1},]', "in line 1"),
        ("[]", "without an object"),
        ("[1, 2]", "no headings|without an object"),
        ("{}", "without an object"),
        ('{"a": {"b": [{"c": 1}]}}\n' + " ", "."),
        ('{\n"a": 1\n}', "without an array"),
        ('{"a": [{"x": 1}], "b": [{"x": 1}]}', r"several arrays of objects \(a, b\)"),
        ('{"a": [{"x": 1}],\n "b": }', "not valid JSON in line 2"),
        ("[" * 100_000, "no headings|nested too deeply"),
    ],
)  # fmt: skip
def test_documents_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    if said == ".":  # an object a line, however deep
        assert read_text(tmp_path, text).columns == ("a.b",)
        return
    with pytest.raises(ConfigError, match=said):
        read_text(tmp_path, text)


def test_json_in_utf_16(tmp_path: Path) -> None:
    text = '[{"item":"Café"},\r\n{"item":"Thé"}]'
    assert read_text(tmp_path, text.encode("utf-16")).cells == rows_of(("Café",), ("Thé",))


def test_brackets_do_not_make_json(tmp_path: Path) -> None:
    read = read_text(tmp_path, "[Report]\nTime,Item,Qty\n08:00,Latte,1\n09:00,Tea,1\n")
    assert read.columns == ("Time", "Item", "Qty")
