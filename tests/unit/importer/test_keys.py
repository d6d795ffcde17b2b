"""Numbers of receipts and rows that a spreadsheet has cut."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.importer.rows import Cell
from coffeert.importer.spelling.cell_text import is_cut_number
from tests.unit.importer.meanings import Outcome, of_rows, read


def receipts(*numbers: Cell, heading: str = "Receipt number") -> Outcome:
    rows = [
        (f"2026-09-14 08:0{n}", "Latte", 1, "4.00", receipt) for n, receipt in enumerate(numbers)
    ]
    return read(of_rows(("Date", "Item", "Qty", "Price", heading), *rows), store="Mill Lane")


def told(outcome: Outcome) -> list[str]:
    return [fact for fact in outcome.plan.facts if "program cut" in fact]


@pytest.mark.parametrize(
    "cut", ["2.02403E+11", "2,02403E+11", "1E+15", "2.02403e+17", "1.30000001573430E+18", "4.5E12"]
)
def test_receipts_that_a_spreadsheet_has_cut_are_none(cut: str) -> None:
    outcome = receipts(cut, cut, "17")
    assert [(s.receipt, s.receipt_line) for s in outcome.sales] == [
        (None, None),
        (None, None),
        ("17", "1"),
    ]
    (fact,) = told(outcome)
    assert f"such as {cut} on line 2: 2 rows count as having none" in fact


def test_so_are_those_of_json() -> None:
    outcome = receipts(Decimal("2.02403E+11"), Decimal(17))
    assert [s.receipt for s in outcome.sales] == [None, "17"]
    assert told(outcome)


def test_rows_with_cut_keys_are_not_one_row() -> None:
    outcome = receipts("2.02403E+11", "2.02403E+11", heading="order_id")
    assert [(s.order_id, s.receipt) for s in outcome.sales] == [(None, None), (None, None)]
    assert [
        s.order_id for s in receipts("1E+15", "1E+15", "1E+15", "k-1", heading="order_id").sales
    ] == [None] * 4


def test_lines_of_a_receipt_with_cut_numbers_are_counted() -> None:
    rows = [("2026-09-14 08:00", "Latte", 1, "4.00", "17", "1.3E+18") for _ in range(2)]
    columns = ("Date", "Item", "Qty", "Price", "Receipt", "Item Selection Id")
    outcome = read(of_rows(columns, *rows), store="Mill Lane")
    assert [(s.receipt, s.receipt_line) for s in outcome.sales] == [("17", "1"), ("17", "2")]
    assert "`Item Selection Id` has numbers" in told(outcome)[0]


def test_numbers_of_more_than_15_digits_that_end_in_zeros_were_cut() -> None:
    rounded = "202409140805000000"
    outcome = receipts(rounded, rounded, "202409140806000000")
    assert [s.receipt for s in outcome.sales] == [None, None, None]
    assert "3 rows count as having none" in told(outcome)[0]


@pytest.mark.parametrize(
    "numbers",
    [
        ("202409140805000000", "202409140805000001"),
        ("2024091408050000", "2024091408050010"),
        ("2024091408050000",),
        ("12E4", "7E21"),
        ("R1E+15",),
        ("00000000-0000-4000-8000-00000000e101",),
    ],
)
def test_others_are_receipts(numbers: tuple[str, ...]) -> None:
    outcome = receipts(*numbers)
    assert [s.receipt for s in outcome.sales] == list(numbers)
    assert not told(outcome)


@given(number=st.integers(10**11, 10**20))
def test_whatever_a_spreadsheet_shows_in_short_is_known(number: int) -> None:
    assert is_cut_number(f"{number:.5E}")
    assert not is_cut_number(str(number))
