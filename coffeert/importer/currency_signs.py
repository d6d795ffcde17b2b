"""What a sign or code beside an amount says about its currency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from coffeert.domain.currency import CURRENCIES

_DOLLARS: Final = frozenset(
    "USD CAD AUD NZD HKD SGD TWD MXN ARS CLP COP BBD BMD BND BSD BZD DOP FJD GYD JMD KYD LRD NAD SBD SRD "
    "TTD UYU XCD CUP NIO TOP WST".split()
)
_SIGNS: Final[dict[str, frozenset[str]]] = {
    "$": _DOLLARS,
    "£": frozenset({"GBP", "EGP", "FKP", "GIP", "SHP", "LBP", "SYP", "SSP", "SDG"}),
    "¥": frozenset({"JPY", "CNY"}),
    "円": frozenset({"JPY"}),
    "元": frozenset({"CNY", "TWD"}),
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
    "rs": frozenset({"INR", "PKR", "LKR", "NPR", "MUR", "SCR"}),
    "fr": frozenset({"CHF"}),
    "r": frozenset({"ZAR"}),
    "ft": frozenset({"HUF"}),
    "lei": frozenset({"RON", "MDL"}),
    "tl": frozenset({"TRY"}),
    "rm": frozenset({"MYR"}),
    "rp": frozenset({"IDR"}),
    "s/": frozenset({"PEN"}),
} | {
    sign: frozenset({code})
    for sign, code in (
        pair.split("=")
        for pair in "€=EUR ₹=INR ₩=KRW ₽=RUB zł=PLN kč=CZK r$=BRL ฿=THB ₫=VND ₪=ILS ₱=PHP ₺=TRY ₴=UAH ₦=NGN "
        "₡=CRC ₲=PYG ₸=KZT ₾=GEL лв=BGN us$=USD usd$=USD c$=CAD ca$=CAD a$=AUD au$=AUD nz$=NZD hk$=HKD "
        "s$=SGD nt$=TWD mx$=MXN sfr=CHF euro=EUR".split()
    )
    if code in CURRENCIES
}


def currencies_of(mark: str) -> frozenset[str]:
    """Return the currencies that a sign or code can stand for; empty if it is neither."""
    code = mark.strip().rstrip(".").strip()
    if code.upper() in CURRENCIES:
        return frozenset({code.upper()})
    return _SIGNS.get(code.casefold(), frozenset())


class CurrencySurvey:
    """Which currencies the marks beside a file's amounts can stand for."""

    def __init__(self) -> None:
        self.rows: dict[frozenset[str], int] = {}

    def add(self, marks: Iterable[str]) -> None:
        """Count a row's marks; those that are no currency are the business of who reads the amount."""
        for mark in marks:
            if found := currencies_of(mark):
                self.rows[found] = self.rows.get(found, 0) + 1

    def certain(self) -> tuple[str, ...]:
        """Return the currencies that are named beyond doubt, the most frequent first."""
        named = {next(iter(codes)): rows for codes, rows in self.rows.items() if len(codes) == 1}
        return tuple(sorted(named, key=lambda code: -named[code]))

    def possible(self) -> frozenset[str] | None:
        """Return what all marks can stand for together; `None` if there are none."""
        return frozenset.intersection(*self.rows) if self.rows else None
