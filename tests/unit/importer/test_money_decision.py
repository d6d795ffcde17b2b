"""Columns of money that are something else than they seem: totals of receipts, discounts, other units."""

from __future__ import annotations

import pytest

from tests.unit.importer.meanings import cost
from tests.unit.importer.test_doubtful_columns import FIRST, HEADER, SECOND, answered
from tests.unit.importer.test_meaning import shop


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "Check #",
            "Bill",
            "Txn ID",
            "TICKET",
            "Boleta",
            "Comanda",
            "주문번호",
            "주문 번호",
            "会計ID",
        ),
        *("Rechnungs-Nr.", "Numero ordine", "Номер заказа", "Something else"),
    ],
)
@pytest.mark.parametrize("total", ["Total", "Amount"])
def test_the_total_of_a_receipt_is_asked_about_whatever_the_receipt_is_called(
    heading: str, total: str
) -> None:
    text = (
        f"Date,{heading},Item,Qty,{total}\n2026-09-14 08:00,1,Espresso,1,6.60\n"
        "2026-09-14 08:00,1,Latte,1,6.60\n2026-09-14 09:00,2,Espresso,1,2.40\n"
        "2026-09-14 19:00,3,Latte,1,9.40\n2026-09-14 19:00,3,Mocha,1,9.40\n"
    )
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 3440
    assert [sale.price for sale in answered(text, outcome, 1).sales] == [None] * 5


def test_it_is_asked_about_if_no_column_says_how_many_pieces() -> None:
    text = (
        "Date,Order,Item,Total\n2026-09-14 08:00,1,Latte,7.00\n2026-09-14 08:00,1,Tea,7.00\n"
        "2026-09-14 08:05,2,Latte,4.00\n"
    )
    (question,) = shop(text, missing={"quantity": "1"}).plan.questions
    assert "or the receipt?" in question.text


def test_drinks_of_one_price_at_one_moment_are_not() -> None:
    text = "Date,Item,Qty,Total\n" + (
        "2026-09-14 08:00,Latte,1,4.00\n2026-09-14 08:00,Mocha,1,4.00\n2026-09-14 09:00,Tea,1,3.00\n"
        "2026-09-14 10:00,Tea,1,3.00\n2026-09-14 10:00,Juice,1,3.00\n"
    )
    assert shop(text).sum == 1700


@pytest.mark.parametrize(("heading", "value"), [("Check amount", "4.00"), ("Txn time", "08:15:00")])
def test_amounts_and_times_are_no_receipt_numbers(heading: str, value: str) -> None:
    (sale,) = shop(HEADER.format(heading) + FIRST.format(value)).sales
    assert sale.receipt is None


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "Item Discount",
            "Discount Total",
            "Disc.",
            "Less Discount",
            "Discount Value",
            "Descuentos",
        ),
        *("Réduction", "REDUCTION", "Remise TTC", "Ermäßigung", "Rabattbetrag", "Preisnachlass"),
        *("İndirim", "Zniżka", "割引額", "値引き", "할인금액", "折扣金额", "Promo", "Скидки"),
    ],
)
def test_discounts_are_asked_about_whatever_they_are_called(heading: str) -> None:
    text = HEADER.format(heading) + FIRST.format("0.00") * 1200 + SECOND.format("0.50")
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 480_350
    assert answered(text, outcome, 1).sum == 480_400


@pytest.mark.parametrize(
    ("heading", "value"),
    [
        ("Discount code", "17"),
        ("Discounted price", "4.00"),
        ("Discount", "0.00"),
        ("Discount", "none"),
    ],
)
def test_what_takes_nothing_off_is_not(heading: str, value: str) -> None:
    assert shop(HEADER.format(heading) + FIRST.format(value)).sum == 400


@pytest.mark.parametrize(
    ("total", "discount"),
    [
        *(
            ("Ventas brutas", "Descuentos"),
            ("Gross Amount", "Item Discount"),
            ("Umsatz brutto", "Rabatt"),
        ),
        *(("Subtotal", "Discount"), ("Line Total", "Discount"), ("小計", "割引")),
    ],
)
def test_totals_before_discounts_are_asked_about(total: str, discount: str) -> None:
    text = f"Date,Item,Qty,{total},{discount}\n2026-09-14 08:00,Latte,2,8.00,1.00\n"
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 700
    assert answered(text, outcome, 1).sum == 800


@pytest.mark.parametrize("total", ["Net sales", "Total", "Endbetrag Summe"])
def test_totals_after_them_are_not(total: str) -> None:
    text = f"Date,Item,Qty,{total},Discount\n2026-09-14 08:00,Latte,2,8.00,1.00\n"
    assert shop(text).sum == 800


@pytest.mark.parametrize("heading", ["Discount %", "Discount (%)", "Rabatt Prozent"])
@pytest.mark.parametrize("ten", ["10", "10.00", "10.00%", "-10%"])
def test_a_discount_in_percent_takes_off_its_share(heading: str, ten: str) -> None:
    text = f"Date,Item,Qty,Price,{heading}\n" + (
        f"2026-09-14 08:00,Box,2,45.00,{ten}\n2026-09-14 08:00,Latte,1,3.35,0\n"
        f"2026-09-14 08:00,Latte,-3,3.35,{ten}\n"
    )
    outcome = shop(text)
    assert "percentage" in outcome.plan.questions[0].text
    assert [cost(s) for s in answered(text, outcome, 0).sales] == [8100, 335, -905]


@pytest.mark.parametrize("percent", ["0.1", "110", "$10", "all"])
def test_what_is_no_percentage_is_rejected(percent: str) -> None:
    text = f"Date,Item,Qty,Price,Discount %\n2026-09-14 08:00,Latte,1,4.00,{percent}\n"
    assert "`Discount %` is " in shop(text, columns={"discount": "Discount %"}).reasons[0]


def test_the_percentages_of_odoo_are_taken_off() -> None:
    text = (
        "Order Ref,Date,Order Lines/Product,Order Lines/Quantity,Order Lines/Unit Price,"
        "Order Lines/Discount (%),Status\nShop/1,2024-03-13 08:00:00,Box,2,45.00,10.00,Posted\n"
    )
    assert (
        shop(text).sum == shop(text, columns={"discount": "Order Lines/Discount (%)"}).sum == 8100
    )


OBJECTS = "created_at,name,quantity,total_money.amount,total_money.currency\n"


def test_amounts_of_money_objects_may_be_in_minor_units() -> None:
    text = f"{OBJECTS}2026-09-14 08:00,Latte,1,450,USD\n2026-09-14 08:00,Latte,2,900,USD\n"
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 1350
    assert answered(text, outcome, 1).sum == 135_000


@pytest.mark.parametrize(
    ("amount", "currency", "cost"), [("4.50", "USD", 450), ("450", "JPY", 450)]
)
def test_amounts_with_decimal_places_or_of_a_currency_without_are_not(
    amount: str, currency: str, cost: int
) -> None:
    text = f"{OBJECTS}2026-09-14 08:00,Latte,1,{amount},{currency}\n"
    assert shop(text).sum == cost


@pytest.mark.parametrize("heading", ["Total (¢)", "Total ¢", "Preis (Cent)", "amount_cents"])
def test_cents_are_known_by_their_sign(heading: str) -> None:
    assert shop(f"Date,Item,Qty,{heading}\n2026-09-14 08:00,Latte,1,240\n").sum == 240


def test_the_owner_can_say_that_amounts_are_cents() -> None:
    text = "Date,Item,Qty,Price\n2026-09-14 08:00,Latte,2,450\n"
    outcome = shop(text, amounts="minor")
    assert outcome.sum == 900
    assert ("--amounts", "minor") in zip(
        outcome.plan.arguments, outcome.plan.arguments[1:], strict=False
    )
