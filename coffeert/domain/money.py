"""Amounts in whole minor units of the currency, from the spellings that clients use and back.

A float never takes part in arithmetic: it stands for the decimal number that it was parsed from.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from coffeert.domain.currency import DEFAULT_PLACES

MAX_PRICE_CENTS: Final = 100_000_000
"""The highest price of one piece, in minor units."""
MAX_AMOUNT_CENTS: Final = 10**12
"""The highest amount of a line, in minor units."""

_SCALES: Final = (1, 10, 100, 1_000, 10_000)
"""Minor units in a unit, by decimal places."""

Number = int | float | str
"""A JSON number, or the text of one."""

_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", re.ASCII)
_WITH_COMMA = re.compile(r"-?\d{1,15},\d{1,15}", re.ASCII)
_WRITTEN = re.compile(r"(-?)(\d{1,16})(?:\.(\d{1,4}))?", re.ASCII)
_NOISE = 1e-9
"""What binary arithmetic adds: 0.1 + 0.2 is 0.30000000000000004."""
_MAX_DIGITS = 15
_MAX_EXPONENT_DIGITS = 7
_MAX_CACHED_LENGTH = 32


class NotAnAmount(ValueError):
    """A number that cannot be read; the message goes on after the field's name: `must be ...`."""


class OutOfRange(NotAnAmount):
    """A number beyond every limit."""


def price_units(price: Number, places: int) -> int:
    """Read the price of one piece in minor units; raises `ValueError`."""
    units = _units_up_to(price, places, MAX_PRICE_CENTS)
    if units < 0:
        raise NotAnAmount("must not be negative")
    return units


def total_units(total: Number, places: int) -> int:
    """Read the amount of a line in minor units, of either sign; raises `ValueError`."""
    return _units_up_to(total, places, MAX_AMOUNT_CENTS)


def pieces(quantity: Number) -> int:
    """Read a number of pieces, of either sign and any size; raises `ValueError`."""
    return exact_units(quantity, 0)


def exact_units(number: Number, places: int) -> int:
    """Return `number * 10**places` if that is whole.

    A text is read exactly, a float as the number with so few places that is within 1e-9. Raises
    `ValueError` for any other number or text, in time linear in its length.
    """
    if isinstance(number, int):
        return number * _SCALES[places]
    if isinstance(number, str) and len(number) > _MAX_CACHED_LENGTH:
        return _from_text(number, places)
    return _cached_units(number, places)


def money_text(units: int, places: int = DEFAULT_PLACES) -> str:
    """Write minor units as decimal text with all places: `-0.05` for -5 of two places."""
    return _cached_text(units, places)


def rounded(number: int, divisor: int) -> int:
    """Divide by a positive number, and round half away from zero."""
    whole = (2 * abs(number) + divisor) // (2 * divisor)
    return whole if number >= 0 else -whole


def units_from_text(text: str) -> int:
    """Read minor units back from what `money_text` wrote, whatever the places.

    Raises `ValueError` for other text.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError("is no amount as a server writes it")
    return int(match[1] + match[2] + (match[3] or ""))


def _units_up_to(number: Number, places: int, most: int) -> int:
    try:
        units = exact_units(number, places)
    except OutOfRange:
        units = most + 1
    if abs(units) > most:
        raise NotAnAmount(f"must be at most {money_text(most, places)}")
    return units


@lru_cache(4096)  # prices are few, and this is on the path of every order
def _cached_units(number: float | str, places: int) -> int:
    if isinstance(number, str):
        return _from_text(number, places)
    scale = _SCALES[places]
    if not abs(number) * scale < 10**_MAX_DIGITS:
        raise _not_a_number(places) if number != number else OutOfRange("is too large")
    units = round(number * scale)
    if abs(number - units / scale) > _NOISE:
        raise _too_many_places(places)
    return units


def _from_text(text: str, places: int) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise _not_a_number(places, text)
    sign, whole, fraction, exponent = match[1], match[2], match[3] or "", match[4] or "0"
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return 0
    trimmed = digits.rstrip("0")
    shift = places - len(fraction) + len(digits) - len(trimmed) + _bounded(exponent)
    if shift < 0:
        raise _too_many_places(places)
    if len(trimmed) + shift > _MAX_DIGITS:
        raise OutOfRange("is too large")
    return int(sign + trimmed + "0" * shift)


def _bounded(exponent: str) -> int:
    digits = exponent.lstrip("+-0")
    size = int(digits or "0") if len(digits) <= _MAX_EXPONENT_DIGITS else 10**_MAX_EXPONENT_DIGITS
    return -size if exponent.startswith("-") else size


def _too_many_places(places: int) -> NotAnAmount:
    if places == 0:
        return NotAnAmount("must be a whole number")
    return NotAnAmount(f"must have at most {places} decimal places")


def _not_a_number(places: int, text: str = "") -> NotAnAmount:
    if _WITH_COMMA.fullmatch(text):
        return NotAnAmount(f"must be written with a point: {text.replace(',', '.')}")
    if places == 0:
        return NotAnAmount("must be a whole number")
    return NotAnAmount(f"must be a number such as {money_text(45 * _SCALES[places] // 10, places)}")


@lru_cache(4096)
def _cached_text(units: int, places: int) -> str:
    sign, size = "-" if units < 0 else "", abs(units)
    if places == 0:
        return f"{sign}{size}"
    scale = _SCALES[places]
    return f"{sign}{size // scale}.{size % scale:0{places}d}"
