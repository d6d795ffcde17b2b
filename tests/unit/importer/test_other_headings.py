"""Exports pasted under each other whose headings differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from coffeert.errors import ConfigError
from tests.unit.importer.tables import read_text
from tests.unit.importer.test_meaning import shop

FIRST = "Date,Item,Qty,Price,Note\n2026-09-14 08:00,Latte,1,4.00,\n"


@pytest.mark.parametrize(
    "heading",
    [
        "Date,Item,Price,Qty,Note",
        "Date,Item,Qty,Total,Note",
        "Date,Item,Qty,Price,Discount",
        "Item,Date,Qty,Price,Note",
        "date,item,price,qty,note",
        "Datum,Artikel,Menge,Einzelpreis,Bemerkung",
        "Date,Item,Qty,Price (EUR),Note",
        "Artikel,Menge,Datum,Preis,",
    ],
)
def test_other_headings_further_down_are_refused(heading: str) -> None:
    with pytest.raises(ConfigError, match="Line 1203 has the headings of another export, with"):
        shop(
            FIRST
            + "2026-09-14 08:01,Latte,1,4.00,\n" * 1200
            + f"{heading}\n2026-09-15 08:00,Latte,4.00,1,\n"
        )


def test_so_they_are_in_a_table_without_days() -> None:
    with pytest.raises(ConfigError, match="Line 3 has the headings of another export"):
        shop(
            "Item,Qty,Price\nLatte,1,4.00\nItem,Price,Qty\nLatte,4.00,1\n",
            missing={"date": "2026-09-14", "time": "12:00"},
        )


@pytest.mark.parametrize(
    "heading", ["Date,Item,Qty,Price,Note", "DATE,item,Qty.,Price,Note", "Date,Item,Qty,Price,"]
)
def test_the_same_headings_again_are_passed_over(heading: str) -> None:
    outcome = shop(f"{FIRST}{heading}\n2026-09-15 08:00,Latte,1,4.00,\n")
    assert (outcome.sum, len(outcome.skipped), outcome.rejected) == (800, 1, ())


def test_a_second_line_of_headings_in_another_language_is_left_out() -> None:
    outcome = shop(
        "Date,Item,Qty,Price,Note\nDatum,Artikel,Menge,Preis,Notiz\n"
        + "2026-09-15 08:00,Latte,1,4.00,\n" * 3
    )
    assert (outcome.sum, [row.line for row in outcome.rejected]) == (1200, [2])
    with pytest.raises(ConfigError, match="Line 2 has the headings of another export"):
        shop("Date,Item,Qty,Price\nDate,Item,Price,Qty\n" + "2026-09-15 08:00,Latte,4,1\n" * 3)


@pytest.mark.parametrize(
    "row", ["ERROR,UNKNOWN,ERROR,UNKNOWN,", ",Latte,one,free,", "yesterday,Coffee,1,4.00,paid"]
)
def test_broken_rows_are_no_headings(row: str) -> None:
    outcome = shop(FIRST + "2026-09-14 08:01,Latte,1,4.00,\n" * 3 + f"{row}\n")
    assert (outcome.sum, len(outcome.rejected)) == (1600, 1)


@pytest.mark.parametrize(
    "more",
    [
        "Date,Store,Item,Qty,Price,Note\n2026-09-14 08:00,Pier,Latte,1,4.00,\n",
        "Date,Store,Item,Qty,Price,Note\n2026-09-14 08:00,Pier,Latte,1,4.00,hot\n",
        "Date,Item,Price,Qty\n2026-09-14 08:00,Latte,4.00,\n",
        "Date,Item,Price\n2026-09-14 08:00,Latte,4.00\n",
    ],
)
def test_so_are_headings_of_more_or_fewer_columns(tmp_path: Path, more: str) -> None:
    with pytest.raises(ConfigError, match="holds several tables"):
        read_text(tmp_path, FIRST + "2026-09-14 08:01,Latte,1,4.00,\n" * 3 + more)
