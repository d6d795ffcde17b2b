"""Columns that a table of an unknown till has, and whose headings say too little or something else."""

from __future__ import annotations

import pytest

from tests.unit.importer.meanings import Outcome, cost, options_of, read
from tests.unit.importer.test_meaning import arguments, shop


def answered(text: str, outcome: Outcome, answer: int) -> Outcome:
    """Read it again with one of the answers, and then with the arguments of that plan."""
    (question,) = outcome.plan.questions
    options = options_of(question.answers[answer].arguments)
    options.pop("zone")
    again = shop(text, **options)
    assert not again.plan.questions
    options = options_of(again.plan.arguments)
    zone = options.pop("zone")
    repeated = read(text, zone=str(zone), **options)
    assert (repeated.sales, repeated.skipped) == (again.sales, again.skipped)
    return again


HEADER = "Date,Item,Qty,Price,{}\n"
FIRST = "2026-09-14 08:00,Latte,1,4.00,{}\n"
SECOND = "2026-09-14 08:01,Latte,1,4.00,{}\n"


def test_a_transaction_type_is_no_receipt_number() -> None:
    text = HEADER.format("Transaction type") + FIRST.format("Sale") + SECOND.format("Refund")
    outcome = shop(text)
    assert [(sale.quantity, sale.receipt) for sale in outcome.sales] == [(1, None), (-1, None)]


@pytest.mark.parametrize("heading", ["Order type", "Order channel", "Transaction source"])
def test_words_are_no_receipt_numbers(heading: str) -> None:
    text = HEADER.format(heading) + FIRST.format("Takeaway") + SECOND.format("Takeaway")
    assert [sale.receipt for sale in shop(text).sales] == [None, None]


@pytest.mark.parametrize("heading", ["Payment state", "Notes", "Result"])
@pytest.mark.parametrize("word", ["Voided", "REFUND", "Storno", "canceled"])
def test_words_of_voids_and_refunds_are_asked_about_under_any_heading(
    heading: str, word: str
) -> None:
    text = HEADER.format(heading) + FIRST.format("Paid") + SECOND.format(word)
    outcome = shop(text)
    assert len(answered(text, outcome, 0).sales) == 2
    assert [row.line for row in answered(text, outcome, 1).skipped] == [3]
    assert answered(text, outcome, 2).sum == 0


def test_a_word_far_down_the_file_is_seen() -> None:
    text = HEADER.format("Type") + FIRST.format("Coffee") * 1200 + SECOND.format("Void")
    outcome = shop(text)
    assert [row.line for row in answered(text, outcome, 1).skipped] == [1202]


def test_a_status_of_unknown_words_is_asked_about() -> None:
    text = HEADER.format("Status") + FIRST.format("Served") + SECOND.format("Not collected")
    assert arguments(shop(text).plan.questions) == [
        (option, f"Status={word}")
        for word in ("Served", "Not collected")
        for option in ("--sale", "--skip", "--refund")
    ]


def test_free_text_is_not_asked_about() -> None:
    rows = "".join(FIRST.format(f"for Ann {number}") for number in range(60))
    assert len(shop(HEADER.format("Notes") + rows + SECOND.format("void")).sales) == 61


def test_a_price_that_grows_with_the_pieces_of_a_single_drink_is_asked_about() -> None:
    text = (
        "Date,Item,Qty,Price\n2026-09-14 08:00,Latte,1,4.00\n2026-09-14 08:01,Latte,2,8.00\n"
        "2026-09-14 08:02,Tea,1,3.00\n"
    )
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 1500
    assert answered(text, outcome, 1).sum == 2300


@pytest.mark.parametrize("heading", ["Net price", "Total", "Final price"])
def test_a_total_that_does_not_grow_is_asked_about(heading: str) -> None:
    text = (
        f"Date,Item,Qty,{heading}\n2026-09-14 08:00,Latte,1,4.00\n2026-09-14 08:01,Latte,2,4.00\n"
        "2026-09-14 08:02,Tea,1,3.00\n"
    )
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 1500
    assert answered(text, outcome, 1).sum == 1100


@pytest.mark.parametrize("heading", ["Order Total", "Total", "Total amount"])
def test_the_total_of_a_receipt_on_each_of_its_lines_is_asked_about(heading: str) -> None:
    text = (
        f"Date,Order,Item,Qty,{heading}\n2026-09-14 08:00,1,Latte,2,13.00\n"
        "2026-09-14 08:00,1,Mocha,1,13.00\n2026-09-14 08:05,2,Latte,1,4.00\n"
    )
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 3000
    assert [sale.price for sale in answered(text, outcome, 1).sales] == [None, None, None]


def test_lines_of_receipts_that_cost_the_same_by_chance_are_not() -> None:
    text = (
        "Date,Order,Item,Qty,Total\n2026-09-14 08:00,1,Latte,1,4.00\n2026-09-14 08:00,1,Mocha,1,4.00\n"
        "2026-09-14 08:05,2,Latte,1,4.00\n2026-09-14 08:05,2,Tea,1,3.00\n"
    )
    assert shop(text).sum == 1500


@pytest.mark.parametrize("others", [("2024-01-02", "2024-02-05"), ("45293.5", "45329.5")])
def test_days_that_a_spreadsheet_may_have_misread_are_asked_about(others: tuple[str, str]) -> None:
    text = "Date,Item,Qty,Price\n" + "".join(
        f"{day},Latte,1,4.00\n"
        for day in ("13/02/2024 10:00", *(f"{d} 10:00" if "-" in d else d for d in others))
    )
    outcome = shop(text)
    days = [f"{sale.placed_at:%m-%d}" for sale in answered(text, outcome, 0).sales]
    assert days == ["02-13", "01-02", "02-05" if "-" in others[0] else "02-07"]


def test_days_after_the_12th_show_that_others_are_right() -> None:
    text = (
        "Date,Item,Qty,Price\n13/02/2024 10:00,Latte,1,4.00\n2024-01-02 10:00,Latte,1,4.00\n"
        "2024-01-20 10:00,Latte,1,4.00\n"
    )
    assert [f"{sale.placed_at:%m-%d}" for sale in shop(text).sales] == ["02-13", "01-02", "01-20"]


@pytest.mark.parametrize("heading", ["Voided by", "Void reason", "Refund amount", "Storno Grund"])
def test_what_a_column_of_voids_says_is_asked_about(heading: str) -> None:
    text = HEADER.format(heading) + FIRST.format("") + SECOND.format("4.00") + FIRST.format("0.00")
    outcome = shop(text)
    assert [row.line for row in answered(text, outcome, 1).skipped] == [3]
    assert len(answered(text, outcome, 0).sales) == 3


def test_many_different_refunds_are_told() -> None:
    rows = "".join(FIRST.format(f"{number}.00") for number in range(1, 20))
    facts = shop(HEADER.format("Refund amount") + rows).plan.facts
    assert "19 rows have something in `Refund amount`, which is not used." in facts


@pytest.mark.parametrize(
    "name",
    ["Tip", "Gift Card", "Latte (VOID)", "Daily total", "Tagessumme", "Z-Report", "Uptown total:"],
)
def test_an_item_that_may_be_none_is_asked_about(name: str) -> None:
    text = f"Date,Item,Qty,Price\n2026-09-14 08:00,Latte,1,4.00\n2026-09-14 23:59,{name},1,4.00\n"
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 800
    assert [row.line for row in answered(text, outcome, 1).skipped] == [3]


@pytest.mark.parametrize("name", ["White Tip Tea", "Changed Latte", "Totally Mocha", "Cardamom"])
def test_a_drink_is_not(name: str) -> None:
    assert shop(f"Date,Item,Qty,Price\n2026-09-14 08:00,{name},1,4.00\n").sum == 400


@pytest.mark.parametrize("heading", ["price_cents", "Price (cents)", "Preis in Cent"])
def test_whole_cents_are_not_taken_for_whole_units(heading: str) -> None:
    assert shop(f"Date,Item,Qty,{heading}\n2026-09-14 08:00,Latte,2,450\n").sum == 900
    assert shop(f"Date,Item,Qty,{heading}\n2026-09-14 08:00,Latte,2,4.50\n").reasons


def test_of_headings_that_differ_in_case_the_command_names_the_right_one() -> None:
    text = "Date,Item,QTY,Price,qty\n2026-09-14 08:00,Latte,1,4.00,5\n"
    outcome = shop(text, columns={"quantity": "qty"})
    assert outcome.sum == 2000
    options = options_of(outcome.plan.arguments)
    options.pop("zone")
    assert read(text, **options).sum == 2000


def test_a_column_is_found_by_what_a_terminal_shows_of_its_heading() -> None:
    text = "Date,Item \N{WOMAN}\N{ZERO WIDTH JOINER}\N{COOKING},Qty,Price\n2026-09-14 08:00,Latte,1,4.00\n"
    assert shop(text, columns={"drink": "Item \N{WOMAN}\N{COOKING}"}).sum == 400


def test_days_that_may_begin_with_a_year_of_two_digits_are_asked_about() -> None:
    text = "Date,Item,Qty,Price\n24/03/13 10:00,Latte,1,4.00\n24/03/14 10:00,Latte,1,4.00\n"
    (question,) = shop(text).plan.questions
    assert [answer.arguments[1] for answer in question.answers] == ["ymd", "dmy"]
    days = [f"{sale.placed_at:%Y-%m-%d}" for sale in answered(text, shop(text), 0).sales]
    assert days == ["2024-03-13", "2024-03-14"]


def test_gross_sales_beside_discounts_are_asked_about() -> None:
    text = "Date,Item,Qty,Gross sales,Discounts\n2026-09-14 08:00,Latte,2,8.00,-1.00\n"
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 700
    assert answered(text, outcome, 1).sum == 800


def test_amounts_are_no_stores() -> None:
    text = "Date,Item,Qty,Price,Store credit\n2026-09-14 08:00,Latte,2,8.00,0.00\n"
    assert arguments(read(text).plan.questions) == [("--store", "NAME")]


def assumed(text: str) -> list[str]:
    return [fact for fact in shop(text).plan.facts if " is assumed to be " in fact]


def test_columns_found_by_a_part_of_their_names_are_said_to_be_assumed() -> None:
    text = "Wann war es,Coffee item label,Cups qty,Net price each\n2026-09-14 08:00,Latte,1,4.00\n"
    assert [fact.partition(". ")[0] for fact in assumed(text)] == [
        "`Wann war es` is assumed to be the date and time: only what is in it says so",
        "`Coffee item label` is assumed to be the drink: only a part of its name says so",
        "`Cups qty` is assumed to be the pieces: only a part of its name says so",
        "`Net price each` is assumed to be the price: only a part of its name says so",
    ]


def test_known_headings_and_those_that_are_named_are_not() -> None:
    assert not assumed("Date,Time,Item,Qty,Price\n2026-09-14,08:00,Latte,1,4.00\n")
    assert not assumed("Datum,Artikel,Menge,Betrag\n2026-09-14 08:00,Latte,1,4.00\n")
    text = "Date,Coffee item label,Qty,Price\n2026-09-14 08:00,Latte,1,4.00\n"
    facts = shop(text, columns={"drink": "Coffee item label"}).plan.facts
    assert not [fact for fact in facts if "assumed" in fact]


REFUNDS = """Date,Type,Qty,Item,Total
2026-09-14 08:00,Sale,1,Latte,4.00
2026-09-14 08:01,Refund,1,,-4.00
2026-09-14 08:02,Sale,1,,3.00
"""


def test_refunds_that_name_no_drink_say_what_to_do() -> None:
    outcome = shop(REFUNDS)
    assert [row.reasons for row in outcome.rejected] == [
        (
            "is a refund that names no drink: --refund-drink NAME stores such refunds under a name, such "
            "as Refund",
        ),
        ("has no drink",),
    ]


def test_they_can_have_a_name_of_their_own() -> None:
    outcome = shop(REFUNDS, refund_drink="Refund")
    assert [(s.drink, s.quantity, cost(s)) for s in outcome.sales] == [
        ("Latte", 1, 400),
        ("Refund", -1, -400),
    ]
    assert outcome.reasons == ["has no drink"]
    options = options_of(outcome.plan.arguments)
    options.pop("zone")
    assert shop(REFUNDS, **options | {"store": "Mill Lane"}).sales == outcome.sales
    both = shop(REFUNDS, refund_drink="Refund", missing={"drink": "Sundries"})
    assert [s.drink for s in both.sales] == ["Latte", "Refund", "Sundries"]
    one = shop(REFUNDS, missing={"drink": "Sundries"})
    assert [s.drink for s in one.sales] == ["Latte", "Sundries", "Sundries"]


def test_a_refund_by_its_sign_is_one() -> None:
    text = "Date,Item,Qty,Price\n2026-09-14 08:00,Latte,1,4.00\n2026-09-14 08:01,,-1,4.00\n"
    assert "--refund-drink" in shop(text).reasons[0]
    assert shop(text, refund_drink="Refund").sum == 0
