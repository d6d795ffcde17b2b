"""Writes amounts with their currency: in full, in whole units, or in few cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from coffeert.domain.currency import places
from coffeert.tui.render.format import money, short

_BEFORE: Final = {"USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "ILS": "₪"}
_AFTER: Final = {"EUR": "€", "PLN": "zł", "CZK": "Kč", "SEK": "kr", "NOK": "kr", "DKK": "kr"}


class Currency(NamedTuple):
    """The currency of all amounts, `None` if none is set; its sign is its code in plain characters."""

    code: str | None = None
    signs: bool = True

    @property
    def places(self) -> int:
        """Decimal places of all amounts."""
        return places(self.code)

    @property
    def sign(self) -> str:
        """What stands beside an amount."""
        code = self.code or ""
        return _BEFORE.get(code) or _AFTER.get(code) or code if self.signs else code

    def text(self, amount: int) -> str:
        """Write minor units with all digits: `6,940.40 €`, `$6,940.40`."""
        return self._signed(money(amount, self.places))

    def whole(self, amount: int) -> str:
        """Write minor units rounded to whole units: `6,940 €`."""
        return self._signed(f"{self._units(amount):,}")

    def short(self, amount: int) -> str:
        """Write minor units in few cells: `48.1k €`."""
        return self._signed(short(self._units(amount)))

    def column(self, amounts: Sequence[int], cells: int) -> list[str]:
        """Write amounts in one form for all: the fullest of which each fits."""
        texts: list[str] = []
        for form in (self.text, self.whole, self.short):
            texts = [form(amount) for amount in amounts]
            if max(map(len, texts), default=0) <= cells:
                break
        return texts

    def _units(self, amount: int) -> int:
        scale: int = 10**self.places
        half_up = (abs(amount) * 2 + scale) // (2 * scale)
        return -half_up if amount < 0 else half_up

    def _signed(self, text: str) -> str:
        if self.signs and self.code in _BEFORE:
            minus = "-" if text.startswith("-") else ""
            return f"{minus}{self.sign}{text.removeprefix('-')}"
        return f"{text} {self.sign}".rstrip()


NO_CURRENCY: Final = Currency()
