"""Currencies, and how many decimal places their amounts have.

Source: ISO 4217, list one, as published on 2026-01-01 by SIX (https://www.six-group.com, data standards);
without metals, special drawing rights and test codes, which have no decimal places. `currency_places`
in the migrations says the same.
"""

from __future__ import annotations

from typing import Final

from coffeert.errors import FieldError, Invalid

DEFAULT_PLACES: Final = 2
"""Decimal places of nearly all currencies, and of amounts as long as no currency is set."""

_TWO_PLACES: Final = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
    RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
    USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_OTHER_PLACES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
CURRENCIES: Final = dict.fromkeys(_TWO_PLACES.split(), DEFAULT_PLACES) | {
    code: places for places, codes in _OTHER_PLACES.items() for code in codes.split()
}
"""Decimal places by currency."""


MAX_PLACES: Final = max(CURRENCIES.values())


def check_currency(code: str) -> None:
    """Raise `Invalid` for what is not the code of an active currency."""
    if code not in CURRENCIES:
        fault = FieldError("currency", "must be a code of ISO 4217 such as EUR")
        raise Invalid(f"{code!a} is not a currency of ISO 4217, such as EUR.", errors=(fault,))


def places(currency: str | None) -> int:
    """Return how many decimal places amounts have; `None`: no currency is set."""
    return DEFAULT_PLACES if currency is None else CURRENCIES[currency]


def amount_text(amount: int, currency: str | None) -> str:
    """Write minor units with the currency's decimal places, thousands apart, and its code."""
    decimals = places(currency)
    whole, part = divmod(abs(amount), 10**decimals)
    text = f"{'-' if amount < 0 else ''}{whole:,}"
    if decimals:
        text += f".{part:0{decimals}d}"
    return f"{text} {currency}" if currency else text
