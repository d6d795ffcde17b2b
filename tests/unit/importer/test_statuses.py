"""Words that tell what a row is, however a till writes them, and voids and refunds in two rows."""

from __future__ import annotations

import pytest

from tests.unit.importer.meanings import Outcome
from tests.unit.importer.test_doubtful_columns import answered
from tests.unit.importer.test_meaning import arguments, shop

HEADER = "Date,Item,Qty,Price,{}\n"
ROW = "2026-09-14 08:00,Tea,1,2,{}\n"


def of_words(heading: str, *words: str) -> str:
    return HEADER.format(heading) + "".join(map(ROW.format, words))


def asked(outcome: Outcome) -> list[str]:
    """Return the values that are asked about."""
    return [choice[1] for choice in arguments(outcome.plan.questions) if choice[0] == "--skip"]


@pytest.mark.parametrize(
    ("heading", "sale", "void", "refund"),
    [
        ("Durum", "SATIŞ", "İPTAL", "İADE"),
        ("DURUM", "SATIS", "IPTAL", "IADE"),
        ("Typ", "Verkauf", "GELOSCHT", "RUCKERSTATTUNG"),
        ("Typ", "Verkauf", "geloescht", "Rueckgabe"),
        ("Tipo", "VENTA", "ANULADO", "DEVOLUCION"),
        ("Etat", "PAYE", "ANNULE", "Avoir"),
        ("Τύπος", "ΠΩΛΗΣΗ", "ΑΚΥΡΩΘΗΚΕ", "ΕΠΙΣΤΡΟΦΗ"),
        ("STAV", "PRODEJ", "ZRUSENO", "VRACENI"),
        ("取引区分", "通常", "取消", "返品"),
    ],
)
def test_words_are_known_in_capitals_and_without_accents(
    heading: str, sale: str, void: str, refund: str
) -> None:
    outcome = shop(of_words(heading, sale, void, refund))
    assert [(s.line, s.quantity) for s in outcome.sales] == [(2, 1), (4, -1)]
    assert [row.line for row in outcome.skipped] == [3]


@pytest.mark.parametrize("word", ["REMBOURSE", "ZWROCONE", "zurueckerstattet", "ATERBETALD"])
def test_a_sale_whose_money_went_back_is_known_without_accents(word: str) -> None:
    assert [row.line for row in shop(of_words("Status", "Paid", word)).skipped] == [3]


@pytest.mark.parametrize("heading", ["ANNULE", "Anulado", "CANCELADA", "GELOSCHT"])
def test_so_are_headings(heading: str) -> None:
    assert [row.line for row in shop(of_words(heading, "", "X")).skipped] == [3]


def test_columns_are_found_in_turkish_capitals() -> None:
    text = "TARİH,SAAT,FİŞ NO,ÜRÜN,ADET,TUTAR\n2026-09-14,08:00,1,ÇAY,2,4.00\n"
    (sale,) = shop(text).sales
    assert (sale.receipt, sale.quantity, sale.total) == ("1", 2, 400)


def test_a_year_is_no_hungarian_price() -> None:
    assert "price" not in shop("Date,År,Item,Qty\n2026-09-14,2026,Tea,1\n").plan.arguments


@pytest.mark.parametrize(
    "phrase",
    [
        *("Void Item", "Item Refund", "Credit Note 7", "Order cancelled", "Voided by manager"),
        *("Paragon anulowany", "Zwrot do paragonu", "Nota de Crédito B", "NOTA DE CREDITO B"),
        *("Factura B anulada", "Teilstorno", "Kassenbon, storniert", "Bon geannuleerd"),
        *("İPTAL FİŞİ", "返品取引", "赤伝票", "주문취소", "Чек возврата", "Ticket annulé"),
    ],
)
def test_a_phrase_with_such_a_word_is_asked_about(phrase: str) -> None:
    text = of_words("Kind", "S", "S").replace(",S", f',"{phrase}"', 1)
    outcome = shop(text)
    assert [row.line for row in answered(text, outcome, 1).skipped] == [2]
    assert answered(text, outcome, 2).sum == 0


@pytest.mark.parametrize("word", ["Avoided", "Peru", "Granulated", "Credit card", "Annual pass"])
def test_other_words_are_not(word: str) -> None:
    assert len(shop(of_words("Notes", "", word)).sales) == 2


def test_what_else_such_a_column_says_is_asked_about_but_for_what_most_rows_say() -> None:
    outcome = shop(of_words("Kind", "S", "S", "R", "Void", "Sale"))
    assert asked(outcome) == ["Kind=Void", "Kind=R"]
    assert "2 rows have 'S' in `Kind`: sales." in outcome.plan.facts
    later = shop(of_words("Kind", "S", "S", "R", "V"), refund=("Kind=R",))
    assert asked(later) == ["Kind=V"]


def test_a_column_of_many_remarks_is_not_asked_about_word_for_word() -> None:
    outcome = shop(of_words("Notes", *map("for {}".format, "ABCDEFGHIJKL"), "void"))
    assert asked(outcome) == ["Notes=void"]
    assert "11 rows have other words in `Notes`: sales." in outcome.plan.facts


def test_a_rule_that_leaves_out_other_goods_asks_nothing() -> None:
    text = of_words("Category", "Coffee", "Merch", "Tea", "Cake")
    assert len(shop(text, skip=("Category=Merch",)).sales) == 3


@pytest.mark.parametrize("name", ["İPTAL ÇAY", "Zwrot: kawa", "取消 ラテ", "Annulation thé"])
def test_an_item_with_such_a_word_is_asked_about(name: str) -> None:
    text = HEADER.format("Note") + ROW.format("") + ROW.format("").replace("Tea", name)
    assert asked(shop(text)) == [f"Item={name}"]


MARKED = "Date,Item,Qty,Total,Status\n2026-09-14 08:00,Latte,1,4.50,Paid\n"
REFUNDED = "2026-09-14 09:00,Latte,1,4.50,Refunded\n"


@pytest.mark.parametrize("refund", ["-1,-4.50,Refund", "1,4.50,Refund", "-1,-4.50,Paid"])
def test_a_sale_marked_as_refunded_beside_its_refund_is_asked_about(refund: str) -> None:
    text = (
        f"{MARKED}{REFUNDED}2026-09-14 09:30,Latte,{refund}\n2026-09-14 19:30,Mocha,1,5.00,Paid\n"
    )
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 950
    assert answered(text, outcome, 1).sum == 500


def test_a_known_export_that_has_both_is_asked_about() -> None:
    text = (
        "Date,Transaction ID,Type,Description,Quantity,Price (Gross),Price (Net),Transaction refunded\n"
        "2024-03-01 08:00,T1,Sale,Latte,1,4.50,4.00,No\n2024-03-01 09:00,T2,Sale,Latte,1,4.50,4.00,Yes\n"
        "2024-03-01 09:30,T3,Refund,Latte,1,-4.50,-4.00,No\n"
    )
    (question,) = shop(text, zone="Europe/Zurich").plan.questions
    assert question.text == (
        "1 row has 'Yes' in `Transaction refunded`, and 1 row gives money back. Is it for the same sales?"
    )
    assert shop(text, sale=("Transaction refunded=Yes",)).sum == 450
    assert shop(text, skip=("Transaction refunded=Yes",)).sum == 0


def test_without_a_refund_a_sale_marked_as_refunded_is_left_out() -> None:
    assert shop(MARKED + REFUNDED).sum == 450


STORNO = "Datum,Beleg,Artikel,Menge,Gesamt,{}\n2026-09-14 08:00,1,Espresso,1,2.40,{}\n"


@pytest.mark.parametrize(
    ("heading", "sale", "void"), [("Storno", "N", "J"), ("Belegart", "Verkauf", "Storno")]
)
@pytest.mark.parametrize("pieces", ["-1,-2.40", "1,-2.40", "-1,2.40"])
def test_a_void_that_takes_back_an_unmarked_row_is_asked_about(
    heading: str, sale: str, void: str, pieces: str
) -> None:
    text = (
        f"{STORNO.format(heading, sale)}2026-09-14 09:00,2,Espresso,1,2.40,{sale}\n"
        f"2026-09-14 09:01,3,Espresso,{pieces},{void}\n2026-09-14 19:00,4,Kuchen,1,4.20,{sale}\n"
    )
    outcome = shop(text)
    assert answered(text, outcome, 0).sum == 660
    assert answered(text, outcome, 1).sum == 900


def test_a_void_whose_two_rows_are_both_marked_is_left_out() -> None:
    text = STORNO.format("Storno", "N") + (
        "2026-09-14 09:00,2,Espresso,1,2.40,J\n2026-09-14 09:01,3,Espresso,-1,-2.40,J\n"
    )
    assert shop(text).sum == 240


def test_voids_with_and_without_a_row_that_takes_them_back() -> None:
    text = STORNO.format("Storno", "J") + (
        "2026-09-14 09:00,2,Tea,1,3.00,N\n2026-09-14 09:01,3,Tea,-1,-3.00,J\n"
    )
    outcome = shop(text)
    assert [answered(text, outcome, n).sum for n in range(3)] == [240, -240, 300]


def test_a_refund_that_is_void_itself_is_left_out() -> None:
    text = (
        "Date,Item,Qty,Total,Type,Void\n2026-09-14 08:00,Tea,1,3.00,Sale,\n"
        "2026-09-14 09:00,Tea,-1,-3.00,Refund,x\n"
    )
    assert shop(text).sum == 300


SHOPIFY = (
    "Name,Financial Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,Location\n"
)
SQUARE = "Date,Time,Item,Qty,Price Point Name,Modifiers Applied,Net Sales,Location,Event Type\n"


@pytest.mark.parametrize("item", ["Tip", "Gratuity", "Gift Card", "Refund adjustment"])
def test_an_item_that_may_be_none_is_asked_about_in_a_known_export(item: str) -> None:
    text = (
        f"{SHOPIFY}#1,paid,2026-09-14 08:00:00 +0200,1,Latte,5.00,Pier\n"
        f"#2,paid,2026-09-14 08:00:00 +0200,1,{item},4.50,Pier\n"
    )
    assert asked(shop(text)) == [f"Lineitem name={item}"]
    assert shop(text, skip=(f"Lineitem name={item}",)).sum == 500


def test_an_item_that_a_known_export_leaves_out_is_not() -> None:
    text = (
        f"{SQUARE}2026-09-14,08:00,Latte,1,,,5.00,Pier,Payment\n"
        "2026-09-14,08:00,Latte (Voided),1,,,5.00,Pier,Payment\n"
    )
    assert shop(text).sum == 500


def test_an_item_of_a_row_that_is_left_out_is_not() -> None:
    text = (
        "Date,Item,Qty,Price,Void\n2026-09-14 08:00,Latte,1,4.00,\n2026-09-14 08:00,Tip,1,4.00,x\n"
    )
    assert shop(text).sum == 400
