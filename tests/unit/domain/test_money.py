"""Numbers in every spelling that clients use, and amounts as they are written."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.money import (
    MAX_AMOUNT_CENTS,
    MAX_PRICE_CENTS,
    exact_units,
    money_text,
    pieces,
    price_units,
    total_units,
    units_from_text,
)
from tests.unit.strategies import cents

amounts = st.integers(-MAX_AMOUNT_CENTS, MAX_AMOUNT_CENTS)
every_places = st.sampled_from([0, 2, 3, 4])


def spellings(units: int, places: int, zeros: int, exponent: int) -> list[str]:
    """Write an amount as JSON numbers are written."""
    value = Decimal(units).scaleb(-places)
    plain = f"{value:f}"
    longer = plain + ("" if "." in plain else ".") + "0" * zeros if zeros else plain
    shifted = value.scaleb(-exponent)
    return [plain, longer, f"{shifted:f}e{exponent}", f"{shifted:f}E+{exponent}", f"{value:.30f}"]


@given(amounts, every_places, st.integers(0, 30), st.integers(0, 20))
def test_every_spelling_of_a_value_as_text_is_read_as_that(
    units: int, places: int, zeros: int, exponent: int
) -> None:
    for text in spellings(units, places, zeros, exponent):
        assert exact_units(text, places) == units, text


@given(amounts, every_places, st.integers(0, 5))
def test_every_spelling_of_a_value_as_a_json_number_is_read_as_that(
    units: int, places: int, zeros: int
) -> None:
    for text in spellings(units, places, zeros, 2):
        assert exact_units(json.loads(text), places) == units, text


@given(st.integers(-(10**8), 10**8), st.sampled_from([2, 3]), st.integers(1, 10))
def test_the_noise_of_binary_arithmetic_is_passed_over(units: int, places: int, parts: int) -> None:
    scale = 10**places
    assert exact_units(sum([units / scale / parts] * parts), places) == units
    assert exact_units(units / scale + 9e-10, places) == units


@given(st.integers(-(10**10), 10**10), every_places, st.integers(1, 999), st.integers(3, 9))
def test_a_value_with_more_places_is_refused(units: int, places: int, rest: int, more: int) -> None:
    text = f"{Decimal(units).scaleb(-places):.{places}f}"
    text += ("" if "." in text else ".") + f"{rest:03d}".rjust(more, "0")
    for number in (text, text + "0" * 40):
        with pytest.raises(ValueError, match=r"decimal places$|^must be a whole number$"):
            exact_units(number, places)
    if abs(float(text) - round(float(text), places)) > 1.1e-9:
        with pytest.raises(ValueError, match=r"decimal places$|^must be a whole number$"):
            exact_units(float(text), places)


@given(st.text(max_size=12) | st.text("0123456789.eE+-, ", max_size=12))
def test_no_other_text_is_a_number(text: str) -> None:
    units = None
    try:
        units = exact_units(text, 2)
    except ValueError as error:
        told = str(error)
    else:
        told = ""
    if units is None:
        assert told.startswith(("must ", "is too large"))
    else:
        assert text.isascii()
        assert Decimal(text) * 100 == units


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a number such as 4.50"),
        ("NaN", "must be a number such as 4.50"),
        ("Infinity", "must be a number such as 4.50"),
        ("$4.10", "must be a number such as 4.50"),
        (" 4", "must be a number such as 4.50"),
        ("4.8\n", "must be a number such as 4.50"),
        ("4.", "must be a number such as 4.50"),
        (".5", "must be a number such as 4.50"),
        ("+1", "must be a number such as 4.50"),
        ("1_0", "must be a number such as 4.50"),
        ("٤.80", "must be a number such as 4.50"),
        ("1.024,50", "must be a number such as 4.50"),
        ("4,10", "must be written with a point: 4.10"),
        ("4.795", "must have at most 2 decimal places"),
        ("1e-3", "must have at most 2 decimal places"),
        ("1e-99999999999", "must have at most 2 decimal places"),
        ("-0.01", "must not be negative"),
        ("1000000.01", "must be at most 1000000.00"),
        ("1e999", "must be at most 1000000.00"),
        ("1e99999999999", "must be at most 1000000.00"),
    ],
)
def test_what_is_no_price_is_told_in_a_sentence_that_fits(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        price_units(text, 2)
    assert str(error.value) == message


@pytest.mark.parametrize("number", [4.795, 0.001, 1e-8])
def test_a_float_with_more_places_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="at most 2 decimal places"):
        price_units(number, 2)


@pytest.mark.parametrize("number", [float("inf"), -1e300, 1e300, 10**400, float("nan")])
def test_no_size_of_number_is_a_failure(number: float) -> None:
    for read in (price_units, total_units):
        with pytest.raises(ValueError, match=r"^must "):
            read(number, 2)


@pytest.mark.parametrize(
    ("text", "units"),
    [("4.1" + "0" * 100_000, 410), ("0" * 100_000 + "4", 400), ("0." + "0" * 100_000, 0),
     ("0e" + "9" * 100_000, 0), ("9" * 100_000, None), ("0." + "1" * 100_000, None),
     ("1e" + "9" * 100_000, None), ("1e-" + "9" * 100_000, None), ("1" + "0" * 100_000 + "e-100000", 100)],
    ids=range(9),
)  # fmt: skip
def test_a_number_of_any_length_takes_little_time(text: str, units: int | None) -> None:
    began = time.process_time()
    try:
        read: int | None = exact_units(text, 2)
    except ValueError:
        read = None
    assert read == units
    assert time.process_time() - began < 1


@pytest.mark.parametrize("number", [2, 2.0, "2", "2.0", "2.000", "20e-1", 2.0000000000000004])
def test_pieces_are_whole_in_any_spelling(number: float | str) -> None:
    assert pieces(number) == 2


@pytest.mark.parametrize("number", [2.5, "0.5", 1.9999])
def test_parts_of_pieces_are_refused(number: float | str) -> None:
    with pytest.raises(ValueError, match=r"^must be a whole number$"):
        pieces(number)


@pytest.mark.parametrize(("places", "text"), [(0, "450"), (2, "4.50"), (3, "0.450"), (4, "0.0450")])
def test_an_amount_is_written_with_all_places(places: int, text: str) -> None:
    assert money_text(450, places) == text
    assert money_text(-450, places) == "-" + text


@given(amounts, every_places)
def test_an_amount_survives_being_written_and_read(units: int, places: int) -> None:
    text = money_text(units, places)
    assert units_from_text(text) == units
    assert exact_units(text, places) == units
    assert Decimal(text).scaleb(places) == units
    assert len(text.partition(".")[2]) == places


@given(cents)
def test_every_price_that_can_be_stored_can_be_sent(units: int) -> None:
    assert price_units(money_text(units), 2) == units


def test_the_limits_are_inside() -> None:
    assert price_units(1_000_000, 2) == MAX_PRICE_CENTS
    assert total_units(-1e10, 2) == -MAX_AMOUNT_CENTS
    assert price_units(100_000_000, 0) == price_units("100000.000", 3) == MAX_PRICE_CENTS


@pytest.mark.parametrize("text", ["", "-", "--1.00", "+1.00", "1,00", "1e2", "x", "1.00000", "."])
def test_what_no_server_wrote_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        units_from_text(text)
