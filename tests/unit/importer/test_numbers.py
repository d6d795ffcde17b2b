"""Numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.importer.meaning.amounts import AmountReader, PiecesReader
from coffeert.importer.spelling.cell_text import Fault
from coffeert.importer.spelling.currency_signs import currencies_of
from coffeert.importer.spelling.numbers import ScaledNumber


def amount(text: str, mark: str = ".", places: int = 2, currency: str | None = None) -> object:
    return AmountReader(mark=mark, places=places, currency=currency).read(text)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("5", 500),
        ("$5.00", 500),
        ("5.00$", 500),
        ("€ 5.00", 500),
        ("5.00 EUR", 500),
        ("EUR5.00", 500),
        ("Fr. 5.50", 550),
        ("SFr.5.50", 550),
        ("5.–", 500),
        ("5.-", 500),
        ("1,234.50", 123450),
        ("1'234.50", 123450),
        ("1’234.50", 123450),
        ("1\u00a0234.50", 123450),
        ("1\u202f234.50", 123450),
        ("12,34,567.50", 123456750),
        ("-12.00", -1200),
        ("-$12.00", -1200),
        ("$-12.00", -1200),
        ("\u221212.00", -1200),
        ("12.00-", -1200),
        ("(12.00)", -1200),
        ("($33.62)", -3362),
        ("$(33.62)", -3362),
        ("+4.80", 480),
        ("'4.80", 480),
        ("$150.00 ", 15000),
        (".50", 50),
        ("4.8", 480),
        ("4.8000", 480),
        ("1e2", 10000),
        ("1.5E+1", 1500),
        ("4.800000000000001", 480),
        ("4.799999999999999", 480),
        ("£4.80", 480),
        ("Â£4.80", 480),
        ("４.８０", 480),
        ("١٢٫٥٠", 1250),
        ("١٬٢٠٠٫٠٠", 120_000),
        ("१२.५०", 1250),
        ("▲480", -48_000),
        ("△4.80", -480),
    ],
)
def test_amounts_with_a_decimal_point(text: str, minor: int) -> None:
    assert amount(text) == minor


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("0,90 €", 90),
        ("0,90 â‚¬", 90),
        ("0,90€", 90),
        ("1.024,50", 102450),
        ("1 024,50", 102450),
        ("1\u202f024,50 €", 102450),
        ("1'024,50", 102450),
        ("R$ 1.024,50", 102450),
        ("5,--", 500),
        ("-1.024,50 €", -102450),
        ("12", 1200),
    ],
)
def test_amounts_with_a_decimal_comma(text: str, minor: int) -> None:
    assert amount(text, ",") == minor


@pytest.mark.parametrize(
    "text",
    [
        "4.795",
        "abc",
        "4,80",
        "1,23",
        "1.2.3",
        "12,34.50",
        "1 2",
        "--5",
        "4.80 kg",
        "20%",
        "2026-09-14",
        "1_000",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    assert isinstance(amount(text), Fault)


@pytest.mark.parametrize("text", ["", "-", "N/A", "#N/A", "ERROR", "UNKNOWN", "nan", "null", "  "])
def test_what_stands_for_no_amount_is_missing(text: str) -> None:
    assert amount(text.strip()) is None


def test_places_are_those_of_the_currency() -> None:
    assert amount("480", places=0, currency="JPY") == 480
    assert amount("￥1,480", places=0, currency="JPY") == 1480
    assert amount("1.250", places=3, currency="KWD") == 1250
    assert isinstance(amount("4.80", places=0, currency="JPY"), Fault)


def test_the_sign_of_yen_and_won_in_their_old_encodings() -> None:
    yen = r"\1,420".encode("cp932").decode("cp932")
    assert amount(yen, places=0, currency="JPY") == 1420
    assert amount(r"-\480", places=0, currency="KRW") == -480
    assert isinstance(amount(yen, currency="EUR"), Fault)


def test_another_currency_is_refused() -> None:
    assert isinstance(amount("£4.80", currency="USD"), Fault)
    assert isinstance(amount("4.80 EUR", currency="USD"), Fault)
    assert amount("$4.80", currency="USD") == 480
    assert amount("$4.80", currency="AUD") == 480


def test_a_dollar_sign_names_no_currency() -> None:
    assert {"USD", "CAD", "AUD", "MXN"} <= currencies_of("$")
    assert currencies_of("€") == {"EUR"}
    assert currencies_of("kg") == frozenset()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("2", 2),
        ("2.0", 2),
        ("6.000", 6),
        ("144", 144),
        ("-1", -1),
        ("(2)", -2),
        ("2 x", 2),
        ("2 szt.", 2),
        ("2 шт", 2),
        ("2개", 2),
        ("1 un", 1),
        ("1 ks", 1),
        ("2 Stück", 2),
        ("1 each", 1),
        ("-1 Stk.", -1),
        ("△1", -1),
        ("٢", 2),
        ("9999", 9999),
    ],
)
def test_pieces(text: str, pieces: int) -> None:
    assert PiecesReader(mark=".").read(text) == pieces


@pytest.mark.parametrize("text", ["0", "0.250", "1.5", "10000", "two", "2 kg", "2 cl", "1,5"])
def test_what_is_no_number_of_pieces_is_refused(text: str) -> None:
    assert isinstance(PiecesReader(mark=".").read(text), Fault)


@given(value=st.integers(0, 10**12), places=st.integers(0, 6), wanted=st.integers(0, 4))
def test_a_number_is_whole_exactly_if_its_value_is(value: int, places: int, wanted: int) -> None:
    whole = ScaledNumber(value, places).whole(wanted)
    exact = value * 10**wanted
    assert whole == (exact // 10**places if exact % 10**places == 0 else None)


@given(
    minor=st.integers(0, 10**9),
    mark=st.sampled_from(".,"),
    group=st.sampled_from(["", "'", " ", "’", "\u202f"]),
)
def test_what_is_written_is_read(minor: int, mark: str, group: str) -> None:
    whole, cents = divmod(minor, 100)
    text = f"{whole:,}".replace(",", group) + f"{mark}{cents:02d}"
    assert amount(text, mark) == minor
