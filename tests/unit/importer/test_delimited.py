"""Texts with separators: dialects, headings, and rows of another form."""

from pathlib import Path

import pytest

from coffeert.errors import ConfigError
from tests.unit.importer.tables import read_text, rows_of


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "^", "~", "#"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_separator_and_line_end(tmp_path: Path, separator: str, end: str) -> None:
    lines = ["Zeit", "Artikel", "Menge"], ["08:00", "Melange", "1"], ["08:05", "Brauner", "2"]
    read = read_text(tmp_path, "".join(separator.join(line) + end for line in lines))
    assert read.columns == ("Zeit", "Artikel", "Menge")
    assert read.cells == rows_of(*lines[1:])
    assert read.lines == [2, 3]


def test_decimal_commas_do_not_separate(tmp_path: Path) -> None:
    read = read_text(tmp_path, "Artikel;Preis\nMelange;4,80\nBrauner;3,90\nTopfen;2,10\n")
    assert read.cells == rows_of(("Melange", "4,80"), ("Brauner", "3,90"), ("Topfen", "2,10"))


def test_separators_that_fit_equally_well(tmp_path: Path) -> None:
    read = read_text(tmp_path, "Zeit;Preis, brutto\n08:00;4,80\n08:05;3,90\n")
    assert read.columns == ("Zeit", "Preis, brutto")


@pytest.mark.parametrize("separator", "^~")
def test_rare_separators_beside_decimal_commas(tmp_path: Path, separator: str) -> None:
    lines = ["Zeit^Preis, brutto", "08:00^4,80", "08:05^3,90"]
    read = read_text(tmp_path, "\n".join(lines).replace("^", separator))
    assert read.columns == ("Zeit", "Preis, brutto")


def test_signs_of_numbers_do_not_separate(tmp_path: Path) -> None:
    read = read_text(tmp_path, "Order #,Item\n#17,Latte\n#18,Tea ~ large\n")
    assert read.columns == ("Order #", "Item")
    assert read.cells == rows_of(("#17", "Latte"), ("#18", "Tea ~ large"))


def test_one_column(tmp_path: Path) -> None:
    read = read_text(tmp_path, "Item\nLatte\nTea, green\n")
    assert read.columns == ("Item",)
    assert read.cells == rows_of(("Latte",), ("Tea, green",))


@pytest.mark.parametrize("first", ["sep=;", "\ufeffsep=;", '"sep=;"', "SEP=;"])
def test_stated_separator(tmp_path: Path, first: str) -> None:
    read = read_text(tmp_path, f"{first}\r\nTime;Item\r\n08:00;Latte\r\n")
    assert read.columns == ("Time", "Item")
    assert (read.lines, read.cells) == ([3], rows_of(("08:00", "Latte")))


def test_stated_separator_that_none_of_the_others_is(tmp_path: Path) -> None:
    read = read_text(tmp_path, "sep=^\nTime^Item\n08:00^Latte, large\n")
    assert read.cells == rows_of(("08:00", "Latte, large"))


def test_stated_separator_that_is_not_used(tmp_path: Path) -> None:
    read = read_text(tmp_path, "sep=,\nTime;Item\n08:00;Latte\n")
    assert read.cells == rows_of(("08:00", "Latte"))


def test_quoted_cells(tmp_path: Path) -> None:
    text = 'Time,Item,Note\n08:00,"Latte, large","said ""hot""\nand quick"\n08:05,Tea,12" cup\n'
    read = read_text(tmp_path, text)
    assert read.lines == [2, 4]
    assert read.cells == rows_of(
        ("08:00", "Latte, large", 'said "hot"\nand quick'), ("08:05", "Tea", '12" cup')
    )


def test_quotation_marks_after_a_backslash(tmp_path: Path) -> None:
    read = read_text(tmp_path, 'Time,Item\n08:00,"Latte \\"oat\\", large"\n08:05,"Tea"\n')
    assert read.cells == rows_of(("08:00", 'Latte "oat", large'), ("08:05", "Tea"))


def test_backslashes_that_escape_nothing(tmp_path: Path) -> None:
    read = read_text(tmp_path, 'Time,Item,Path\n08:00,"Latte","C:\\"\n08:05,"a\\b","C:\\"\n')
    assert read.cells == rows_of(("08:00", "Latte", "C:\\"), ("08:05", "a\\b", "C:\\"))


def test_blanks_before_quoted_cells(tmp_path: Path) -> None:
    read = read_text(tmp_path, '"Time", "Item"\n"08:00", "Latte, large"\n')
    assert read.columns == ("Time", "Item")
    assert read.cells == rows_of(("08:00", "Latte, large"))


def test_unclosed_quotation_mark_is_told_with_what_it_takes_in(tmp_path: Path) -> None:
    text = (
        'Time,Item,Note\n08:00,Latte,"two\nlines"\n08:01,Tea,"open\n08:02,Mocha,a\n08:03,Mocha,b\n'
    )
    read = read_text(tmp_path, text)
    assert read.cells == rows_of(("08:00", "Latte", "two\nlines"))
    assert list(read.rejected) == [4, 5, 6]
    assert "of line 4 is never closed" in read.rejected[4]
    assert "of line 4" in read.rejected[6]
    assert any("3 lines are left out" in fact and "line 4" in fact for fact in read.facts)
    assert [row.cells for row in read.all][2] == ("08:02", "Mocha", "a")


def test_quotation_mark_closed_by_that_of_a_later_row(tmp_path: Path) -> None:
    text = 'Time,Item,Note\n08:00,Tea,"open\n08:01,Tea,x\n08:02,Tea,"quoted"\n08:03,Latte,"fine"\n'
    read = read_text(tmp_path, text)
    assert list(read.rejected) == [2, 3, 4]
    assert read.cells == rows_of(("08:03", "Latte", "fine"))
    assert read.lines == [5]


def test_quotation_mark_within_a_cell(tmp_path: Path) -> None:
    read = read_text(tmp_path, 'Time,Item,Note\n08:00,"12" pizza",a\n08:01,Tea,b\n')
    assert "must be doubled" in read.rejected[2]
    assert (read.lines, read.cells) == ([3], rows_of(("08:01", "Tea", "b")))


def test_unclosed_quotation_mark_before_a_long_rest(tmp_path: Path) -> None:
    rest = "".join(f"08:01,Tea,{number}\n" for number in range(30_000))
    read = read_text(tmp_path, f'Time,Item,Note\n08:00,Latte,a\n08:00,Latte,"open\n{rest}')
    assert read.cells == rows_of(("08:00", "Latte", "a"))
    assert list(read.rejected) == list(range(3, 30_004))


def test_rows_after_an_endless_cell(tmp_path: Path) -> None:
    rest = "".join(f"08:01,Tea,{number}\n" for number in range(20_000))
    text = f'Time,Item,Note\n08:00,Latte,"open\n{rest}08:02,Tea,"closed"\n08:03,Tea,"last"\n'
    read = read_text(tmp_path, text)
    assert list(read.rejected) == list(range(2, 20_004))
    assert (read.lines, read.cells) == ([20_004], rows_of(("08:03", "Tea", "last")))


@pytest.mark.parametrize("above", ["", 'Report "of" Ulm\n'])
def test_quotation_mark_of_the_heading_never_closed(tmp_path: Path, above: str) -> None:
    with pytest.raises(ConfigError, match=r"from line [12] on: .* is never closed"):
        read_text(tmp_path, f'{above}"Time,Item,Qty\n08:00,Latte,1\n09:00,Tea,1\n')


def test_broken_title(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="from line 1 on"):
        read_text(tmp_path, '"Report" of "Ulm"\nTime,Item,Qty\n08:00,Latte,1\n09:00,Tea,1\n')


def test_many_rows_with_line_ends_within(tmp_path: Path) -> None:
    rows = [("08:00", "Latte", f"a\nb{number}" if number % 3 else "-") for number in range(5_000)]
    text = "Time,Item,Note\n" + "".join(f'{a},{b},"{c}"\n' for a, b, c in rows)
    read = read_text(tmp_path, text)
    assert read.cells == rows
    expected, line = [], 2
    for row in rows:
        expected.append(line)
        line += 1 + row[2].count("\n")
    assert read.lines == expected


def test_title_lines_before_the_heading(tmp_path: Path) -> None:
    text = "Sales report\nFrom,14/09/2026\n\nLocation,Mill Lane\nTime,Item,Qty\n08:00,Latte,1\n"
    read = read_text(tmp_path, text)
    assert read.columns == ("Time", "Item", "Qty")
    assert (read.lines, read.cells) == ([6], rows_of(("08:00", "Latte", "1")))
    assert any("Line 5 has the headings" in fact and "Sales report" in fact for fact in read.facts)


def test_title_lines_as_wide_as_the_table(tmp_path: Path) -> None:
    titles = "Umsatz;;;\nOrt;Ulm;;\nab;14.09.26;;\n;;;\n"
    text = f"{titles}Zeit;Was;Menge;Preis\n08:00;Tee;1;4,80\n;;;\n08:05;Tee;1;3\n"
    read = read_text(tmp_path, text)
    assert read.columns == ("Zeit", "Was", "Menge", "Preis")
    assert read.lines == [6, 8]


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ('"Date, Time","Item = name",No,No,no', ("Date, Time", "Item = name", "No", "No (2)", "no (3)")),
        (",date,article,x,y", ("column 1", "date", "article", "x", "y")),
        (' Time ,"Item\nname",\'Price,Void?,V/MC/D', ("Time", "Item name", "Price", "Void?", "V/MC/D")),
        ("a,b,c,d,", ("a", "b", "c", "d", "column 5")),
        ("c0,Qty 2025,Tax 1 Name,No.,7UP sold", ("c0", "Qty 2025", "Tax 1 Name", "No.", "7UP sold")),
        ("日付,商品,数量,単価,メモ", ("日付", "商品", "数量", "単価", "メモ")),
        ("Дата,Товар,Кол-во,Цена,Магазин", ("Дата", "Товар", "Кол-во", "Цена", "Магазин")),
    ],
)  # fmt: skip
def test_names_of_columns(tmp_path: Path, heading: str, names: tuple[str, ...]) -> None:
    read = read_text(
        tmp_path, f"{heading}\n1,2026-09-14 08:00,Latte,4.80,9\n2,2026-09-14 09:00,Tea,2.90,9\n"
    )
    assert read.columns == names
    assert len(read.cells) == 2


@pytest.mark.parametrize(
    "row",
    [
        "2026-09-14T08:00:00Z,uptown,latte,1,4.80",
        "9/14/26 8:05 AM,Mill Lane,Cortado,1.0,$4.00",
        "14.09.2026 08:05;Mitte;Melange;1;4,80 €",
        "16-Dec-2023 02:44 AM EST,Pier,Latte,2,4.50",
        "46279.34386574074,Latte,1,4.80",
        "Uptown,Latte,1,(4.80)",
        "Uptown,Latte,yes,20260914",
        "uptown,latte,cash",
    ],
)
def test_no_heading_is_said(tmp_path: Path, row: str) -> None:
    with pytest.raises(ConfigError, match="no headings"):
        read_text(tmp_path, f"{row}\n" * 4)


def test_values_without_numbers_are_no_heading_below_rows(tmp_path: Path) -> None:
    text = "2026-09-14,Latte,cash\n2026-09-15,Tea,card\nERROR,UNKNOWN,N/A\n2026-09-14,Latte,cash\n"
    with pytest.raises(ConfigError, match="no headings"):
        read_text(tmp_path, text)


def test_heading_alone(tmp_path: Path) -> None:
    read = read_text(tmp_path, "Time,Item,Qty\n")
    assert read.columns == ("Time", "Item", "Qty")
    assert read.all == []


def test_repeated_heading_and_title_are_skipped(tmp_path: Path) -> None:
    page = "My shop\nTime,Item,Qty\n08:00,Latte,1\n09:00,Tea,1\n"
    read = read_text(tmp_path, page + page)
    assert read.skipped == {5: "the title again", 6: "the headings again"}
    assert read.lines == [3, 4, 7, 8]


@pytest.mark.parametrize(
    "text",
    [
        "Cart,c-1,On,14/09/2026\nSKU,Name,Qty\np6,Latte,1\n\nCart,c-2,On,15/09/2026\nSKU,Name,Qty\np7,Tea,2\n",
        "Time,Item,Qty\n08:00,Latte,1\n\nPayment,Amount\nCash,12.50\nCard,3.00\n",
        "Day,Total\n14.09.26,2.50\n15.09.26,1.20\n\nTime,Item,Qty\n08:00,Latte,1\n09:00,Tea,1\n10:00,Tea,1\n",
        "Time,Item,Qty\n08:00,Latte,1\n,,\nPayment,Count,Amount\nCash,2,12.50\n",
        "Store: A\nTime,Item,Qty\n08:00,Latte,1\nStore: B\nTime,Item,Qty\n09:00,Tea,1\n",
        "Time,Item,Qty\n08:00,Latte,1\nName,Phone,Mail,Town\nAnn,1,a@b,Ulm\nBob,2,b@b,Ulm\n",
    ],
)
def test_several_tables_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="several tables"):
        read_text(tmp_path, text)


def test_second_table_far_below(tmp_path: Path) -> None:
    rows = "08:00,Latte,1\n" * 6_000
    with pytest.raises(ConfigError, match="lines 1 and 6003"):
        read_text(tmp_path, f"Time,Item,Qty\n{rows}\nPayment,Amount\nCash,1.00\n")


def test_blank_lines_separate_nothing(tmp_path: Path) -> None:
    read = read_text(tmp_path, "\n\nTime,Item,Qty\n\n08:00,Latte,1\n\n\n09:00,Tea,1\n,,\n   \n")
    assert read.lines == [5, 8]
    assert read.rejected == {}


def test_rows_of_another_width(tmp_path: Path) -> None:
    text = "Time,Item,Qty\n08:00,Latte,1,,\n08:01,Latte\n08:02,Latte,1,4,80\n08:03,Tea,2\n"
    read = read_text(tmp_path, text)
    assert (read.lines, read.cells) == (
        [2, 5],
        rows_of(("08:00", "Latte", "1"), ("08:03", "Tea", "2")),
    )
    assert "2 cells" in read.rejected[3]
    assert "5 cells" in read.rejected[4]


def test_empty_columns_may_be_left_out_at_the_end(tmp_path: Path) -> None:
    text = "Time,Item,Qty,Note\n08:00,Latte,1\n08:01,Latte,1,\n08:02,Tea,2,hot\n08:03,Tea\n"
    read = read_text(tmp_path, text)
    assert read.cells[0] == ("08:00", "Latte", "1", None)
    assert read.lines == [2, 3, 4]
    assert list(read.rejected) == [5]


def test_text_below_the_table(tmp_path: Path) -> None:
    text = "Time,Item,Qty\n08:00,Latte,1\n08:01,Tea,1\n\nExported on 14 September by Ann\n"
    assert read_text(tmp_path, text).skipped == {5: "text below the table"}


def test_end_of_file_mark_of_dos(tmp_path: Path) -> None:
    read = read_text(tmp_path, b"Time,Item,Qty\r\n08:00,Latte,1\r\n\x1a")
    assert (len(read.cells), read.rejected) == (1, {})


def test_the_only_row_is_broken(tmp_path: Path) -> None:
    read = read_text(tmp_path, "Time,Item,Qty\n08:00\n")
    assert read.columns == ("Time", "Item", "Qty")
    assert list(read.rejected) == [2]


def test_truncated_last_row_is_rejected(tmp_path: Path) -> None:
    read = read_text(tmp_path, "Time,Item,Qty\n2026-09-14 08:00,Latte,1\n2026-09-14 08")
    assert list(read.rejected) == [3]


def test_totals_rows_are_left_to_whoever_knows_the_columns(tmp_path: Path) -> None:
    read = read_text(tmp_path, "Time;Artikel;Summe\n08:00;Melange;4,80\nGesamt;;4,80\n")
    assert read.cells[-1] == ("Gesamt", "", "4,80")


def test_nul_characters_are_left_out_and_told(tmp_path: Path) -> None:
    read = read_text(tmp_path, b"Time,Item,Qty\n08:00,Lat\x00te,1\n" + b"\x00" * 20)
    assert read.cells == rows_of(("08:00", "Latte", "1"))
    assert any("NUL" in fact and "line 2" in fact for fact in read.facts)


def test_endless_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 2 is too long"):
        read_text(tmp_path, "Time,Item\n" + "x," * 3_000_000)


def test_only_an_unusual_separator_is_said(tmp_path: Path) -> None:
    assert read_text(tmp_path, "Time,Item\n08:00,Tea\n").facts == ()
    semicolons = read_text(tmp_path, "Time;Item\n08:00;Tea\n")
    assert semicolons.facts == ("Its cells are separated by semicolons.",)
