"""Currencies and their decimal places."""

from __future__ import annotations

import pytest

from coffeert.domain.currency import CURRENCIES, check_currency, places
from coffeert.errors import Invalid


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("EUR", 2),
        ("USD", 2),
        ("UAH", 2),
        ("JPY", 0),
        ("ISK", 0),
        ("KWD", 3),
        ("TND", 3),
        ("CLF", 4),
    ],
)
def test_places_are_those_of_iso_4217(code: str, expected: int) -> None:
    assert places(code) == expected


def test_without_a_currency_there_are_two_places() -> None:
    assert places(None) == 2


def test_the_list_is_whole() -> None:
    assert len(CURRENCIES) == 165
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)


@pytest.mark.parametrize("code", ["", "eur", "EURO", "XXX", "XAU", "DEM", "€", "E\nR"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(Invalid, match="is not a currency of ISO 4217"):
        check_currency(code)
