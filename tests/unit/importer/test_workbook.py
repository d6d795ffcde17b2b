"""Tables in XLSX files."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from coffeert.errors import ConfigError
from coffeert.importer.table.sheet_xml import look_through
from tests.unit.importer.tables import Read, rows_of

DAY = datetime(2026, 9, 14)  # noqa: DTZ001 - a sheet's times have no zone


def saved(
    folder: Path,
    *sheets: tuple[str, list[list[object]]],
    mend: Callable[[bytes], bytes] | None = None,
) -> Path:
    """A workbook with these sheets; `mend` changes the XML of the first, as other programs write it."""
    workbook = Workbook()
    for number, (title, rows) in enumerate(sheets):
        sheet: Worksheet = workbook.active if number == 0 else workbook.create_sheet()
        sheet.title = title
        for row in rows:
            sheet.append(row)
    path = folder / "sales.xlsx"
    workbook.save(path)
    if mend is not None:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        files["xl/worksheets/sheet1.xml"] = mend(files["xl/worksheets/sheet1.xml"])
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    return path


SALES: list[list[object]] = [
    ["Time", "Item", "Qty", "Price"],
    [DAY, "Latte", 1, 4.8],
    [DAY, "Tea", 2, 3],
]


def test_values_keep_their_kinds(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Umsatz"],
        [],
        ["Tag", "Zeit", "Dauer", "Artikel", "Menge", "Preis", "Beleg", "Storno"],
        [DAY, time(8, 5, 10), timedelta(hours=30), "Melange", 1, 4.8, "0007", True],
        [DAY, time(8, 6), None, " ", 2, 0.1 + 0.2, 12345678901234, False],
    ]
    read = Read(saved(tmp_path, ("Verkauf", rows)))
    assert read.columns[:4] == ("Tag", "Zeit", "Dauer", "Artikel")
    assert read.lines == [4, 5]
    assert read.cells == rows_of(
        (DAY, time(8, 5, 10), timedelta(hours=30), "Melange", 1, Decimal("4.8"), "0007", True),
        (DAY, time(8, 6), None, None, 2, Decimal("0.3"), 12345678901234, False),
    )
    assert [type(cell) for cell in read.cells[0][4:6]] == [int, Decimal]


def test_days_of_the_other_calendar(tmp_path: Path) -> None:
    workbook = Workbook()
    workbook.epoch = CALENDAR_MAC_1904
    workbook.active.append(["Time", "Qty"])
    workbook.active.append([datetime(2026, 9, 14, 12), 1])  # noqa: DTZ001
    path = tmp_path / "mac.xlsx"
    workbook.save(path)
    assert Read(path).cells == rows_of((datetime(2026, 9, 14, 12), 1))  # noqa: DTZ001


def test_binary_noise_of_a_day_is_rounded(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        ("S", SALES),
        mend=lambda xml: re.sub(rb"<v>46279</v>", b"<v>46279.34386574074</v>", xml),
    )
    assert Read(path).cells[0][0] == datetime(2026, 9, 14, 8, 15, 10)  # noqa: DTZ001


def test_digits_beyond_fifteen(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Id", "Qty"], [111, 1], [222, 1]]
    kept = saved(
        tmp_path, ("S", rows), mend=lambda xml: xml.replace(b">111<", b">1300000015734303101<")
    )
    assert Read(kept).cells[0] == (1300000015734303101, 1)
    lost = saved(
        tmp_path, ("S", rows), mend=lambda xml: xml.replace(b">111<", b">1.3000000157343E+18<")
    )
    assert Read(lost).cells[0] == ("1.30000001573430E+18", 1)


@pytest.mark.parametrize("error", ["#N/A", "#DIV/0!", "#REF!"])
def test_errors_do_not_look_empty(tmp_path: Path, error: str) -> None:
    read = Read(saved(tmp_path, ("S", [["Time", "Price"], [DAY, error], [DAY, 1]])))
    assert read.cells[0] == (DAY, error)


@pytest.mark.parametrize(
    "written",
    [b"<f>B3*2</f><v/>", b"<f>B3*2</f><v></v>", b"<f>B3*2</f>", b'<f t="shared" si="0"/>'],
)
def test_formula_without_value_is_refused(tmp_path: Path, written: bytes) -> None:
    rows: list[list[object]] = [["Time", "Price"], [DAY, 111], [DAY, 222]]
    path = saved(tmp_path, ("Sales", rows), mend=lambda xml: xml.replace(b"<v>222</v>", written))
    with pytest.raises(
        ConfigError, match="B3 of sheet Sales is a formula whose value is not in the file"
    ):
        Read(path)


def test_formula_with_its_value(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Time", "Price"], [DAY, 111], [DAY, 222]]
    path = saved(
        tmp_path,
        ("S", rows),
        mend=lambda xml: xml.replace(b"<v>222</v>", b"<f>111*2</f><v>222</v>"),
    )
    assert [cells[1] for cells in Read(path).cells] == [111, 222]


def test_wrong_statement_of_size_hides_nothing(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        ("S", SALES),
        mend=lambda xml: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:B2"', xml),
    )
    assert Read(path).cells[1] == (DAY, "Tea", 2, 3)


def test_the_sheet_with_a_table_is_read_and_said(tmp_path: Path) -> None:
    read = Read(
        saved(tmp_path, ("Cover", [["Report of September"]]), ("Data", SALES), ("Empty", []))
    )
    assert len(read.cells) == 2
    assert "Of its sheets, Data is read." in read.facts
    assert read.arguments == ("--sheet", "Data")


def test_several_sheets_with_tables_ask(tmp_path: Path) -> None:
    path = saved(tmp_path, ("Mon", SALES), ("Tue", [*SALES[:1], [DAY, "Mocha", 1, 5]]))
    with pytest.raises(ConfigError, match=r"tables in 2 sheets \(Mon, Tue\).*--sheet 'Mon'"):
        Read(path)
    assert Read(path, sheet="Tue").cells == rows_of((DAY, "Mocha", 1, 5))
    with pytest.raises(ConfigError, match="no sheet 'Wed'; its sheets are Mon, Tue"):
        Read(path, sheet="Wed")


def test_no_sheet_with_a_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no table in any of its sheets"):
        Read(saved(tmp_path, ("A", []), ("B", [["only this"]])))


def hiding(
    folder: Path, rows: tuple[int, ...] = (), columns: str = "", *, old: bool = False
) -> Path:
    workbook = Workbook()
    workbook.active.append(["Umsatz", "", "", ""])
    for row in SALES * 2:
        workbook.active.append(row)
    for number in rows:
        workbook.active.row_dimensions[number].hidden = True
    for column in columns:
        workbook.active.column_dimensions[column].hidden = True
    if old:
        sheet = workbook.create_sheet("Old")
        for row in SALES:
            sheet.append(row)
        sheet.sheet_state = "hidden"
    path = folder / "sales.xlsx"
    workbook.save(path)
    return path


def hidden_facts(read: Read) -> list[str]:
    return [fact for fact in read.facts if "idden" in fact]


def test_hidden_rows_are_sales_and_that_is_said(tmp_path: Path) -> None:
    read = Read(hiding(tmp_path, rows=(1, 2, 3, 6, 7, 90)))
    assert len(read.cells) == 4
    assert hidden_facts(read) == [
        "3 hidden rows are read too (rows 3, 6, 7). To leave them out, delete them in the file."
    ]
    (fact,) = hidden_facts(Read(hiding(tmp_path, rows=(4,))))
    assert fact == "1 hidden row is read too (row 4). To leave it out, delete it in the file."
    assert not hidden_facts(Read(hiding(tmp_path)))


def test_hidden_columns_are_read_and_that_is_said(tmp_path: Path) -> None:
    read = Read(hiding(tmp_path, columns="BDX"))
    assert read.columns == ("Time", "Item", "Qty", "Price")
    assert hidden_facts(read) == ["Hidden columns are read like others: `Item`, `Price`."]


def test_hidden_sheets_are_not_read_and_that_is_said(tmp_path: Path) -> None:
    path = hiding(tmp_path, old=True)
    assert hidden_facts(Read(path)) == [
        "Hidden sheets are not read, unless --sheet names one: Old."
    ]
    assert not hidden_facts(Read(path, sheet="Old"))


def test_a_hidden_table_beside_an_empty_sheet_is_named(tmp_path: Path) -> None:
    workbook = Workbook()
    sheet = workbook.create_sheet("Old sales")
    for row in SALES:
        sheet.append(row)
    sheet.sheet_state = "veryHidden"
    path = tmp_path / "sales.xlsx"
    workbook.save(path)
    with pytest.raises(ConfigError, match="--sheet 'Old sales' reads the hidden one"):
        Read(path)


@pytest.mark.parametrize("style", [b'<x:row hidden="true" r="2"', b"<x:row r='2' hidden='1'"])
def test_hidden_rows_as_other_programs_write_them(style: bytes) -> None:
    xml = b'<x:sheetData><x:row r="1" hidden="0">' + style + b"></x:sheetData>"
    assert list(look_through("a", "b", io.BytesIO(xml)).filled([1, 2, 3])) == [2]


def test_short_rows_of_a_sheet_lack_nothing(tmp_path: Path) -> None:
    rows: list[list[object]] = [*SALES, [DAY, "Espresso"], [], [None, None, "Total", 12]]
    read = Read(saved(tmp_path, ("S", rows)))
    assert read.cells[2:] == rows_of((DAY, "Espresso", None, None), (None, None, "Total", 12))
    assert read.lines == [2, 3, 4, 6]


def test_more_rows_than_a_block(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Item", "No"], *[["Latte", number] for number in range(2_500)]]
    assert [cells[1] for cells in Read(saved(tmp_path, ("S", rows))).cells] == list(range(2_500))


def test_workbook_in_an_archive(tmp_path: Path) -> None:
    inner = saved(tmp_path, ("Mon", SALES), ("Tue", SALES))
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "sales.xlsx")
    assert len(Read(path, sheet="Tue").cells) == 2


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"])
def test_damaged_workbook(tmp_path: Path, part: str) -> None:
    path = saved(tmp_path, ("S", SALES))
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[part] = files[part][: len(files[part]) // 2]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(ConfigError, match="damaged"):
        Read(path)
