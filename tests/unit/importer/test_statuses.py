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
