"""The filter language: `store:uptown drink:latte price>5 -tea`.

Words are joined by "and"; `store:a,b` means either; `store:=a` exactly that code; a word without a colon is
looked for in both codes; `-` in front negates a term.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from coffeert.domain.currency import DEFAULT_PLACES, MAX_PLACES
from coffeert.domain.money import MAX_PRICE_CENTS, exact_units, money_text
from coffeert.domain.orders import Order
from coffeert.errors import CoffeertError

Field = Literal["store", "drink", "any", "price"]
Comparison = Literal["<", "<=", ">", ">=", "="]

_COMPARE: Final[dict[Comparison, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_OPPOSITE: Final[dict[Comparison, Comparison]] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_PRICE = re.compile(r"price(<=|>=|<|>|=|:)(.*)", re.IGNORECASE)


class FilterError(CoffeertError):
    """A filter cannot be read; the text says which word and what would do."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `words` are case-folded; a code matches if it contains any of them.

    With `exact` it must equal one of them, which are then not case-folded, as when drilling down. `price`
    is in ten thousandths of a unit, as a filter may be typed before the currency is known; `places` are the
    decimal places of what it is compared with.
    """

    field: Field
    words: tuple[str, ...] = ()
    comparison: Comparison = "="
    price: int = 0
    negated: bool = False
    exact: bool = False
    places: int = DEFAULT_PLACES

    def matches(self, store: str, drink: str) -> bool:
        """Return True if what these codes name matches, at whatever price."""
        return self.field == "price" or self._names(store, drink) != self.negated

    def matches_price(self, price: int) -> bool:
        """Return True if a price of one piece matches, in minor units."""
        if self.field != "price":
            return True
        scaled = price * 10 ** (MAX_PLACES - self.places)
        return _COMPARE[self.comparison](scaled, self.price) != self.negated

    def prices(self) -> tuple[int, int] | None:
        """Return the lowest and the highest price that match, in minor units, within what orders may have.

        The lowest is above the highest if none matches. `None` if there is a gap between those that match.
        """
        if self.field != "price":
            return 0, MAX_PRICE_CENTS
        scale = 10 ** (MAX_PLACES - self.places)
        up, down = -(-self.price // scale), self.price // scale
        comparison = _OPPOSITE.get(self.comparison) if self.negated else self.comparison
        if comparison is None:
            return None
        lowest, highest = {
            "<": (0, up - 1),
            "<=": (0, down),
            ">": (down + 1, MAX_PRICE_CENTS),
            ">=": (up, MAX_PRICE_CENTS),
            "=": (up, down),
        }[comparison]
        return min(lowest, MAX_PRICE_CENTS + 1), min(highest, MAX_PRICE_CENTS)

    def _names(self, store: str, drink: str) -> bool:
        if self.exact:
            code = store if self.field == "store" else drink
            return code in self.words
        codes = {"store": (store,), "drink": (drink,), "any": (store, drink)}[self.field]
        return any(word in code.casefold() for word in self.words for code in codes)

    def text(self) -> str:
        """Return the term as it is typed."""
        sign = "-" if self.negated else ""
        if self.field == "price":
            return f"{sign}price{self.comparison}{_price_text(self.price)}"
        words = ("=" if self.exact else "") + ",".join(self.words)
        return f"{sign}{words}" if self.field == "any" else f"{sign}{self.field}:{words}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold; without any, everything matches."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def by_price(self) -> bool:
        """Whether it depends on prices, which live sums do not tell."""
        return any(term.field == "price" for term in self.terms)

    @property
    def by_product(self) -> bool:
        """Whether it depends on stores or drinks."""
        return any(term.field != "price" for term in self.terms)

    def matches_cell(self, store: str, drink: str) -> bool:
        """Return True if sums of a store and a drink match, at whatever price."""
        return all(term.matches(store, drink) for term in self.terms)

    def matches_order(self, order: Order) -> bool:
        """Return True if an order matches, by the price of one piece that it is listed with."""
        return all(
            term.matches(order.store, order.drink) and term.matches_price(order.price_cents)
            for term in self.terms
        )

    def matches_store(self, store: str, drinks: Iterable[str]) -> bool:
        """Return True if this store matches with any of these drinks, at whatever price."""
        return not self.by_product or any(self.matches_cell(store, drink) for drink in drinks)

    def prices(self) -> tuple[int, int] | None:
        """Return the lowest and the highest price that match, as `Term.prices` does."""
        lowest, highest = 0, MAX_PRICE_CENTS
        for term in self.terms:
            bounds = term.prices()
            if bounds is None:
                return None
            lowest, highest = max(lowest, bounds[0]), min(highest, bounds[1])
        return lowest, highest

    def text(self) -> str:
        """Return the filter as it is typed."""
        return " ".join(term.text() for term in self.terms)

    def in_places(self, places: int) -> Filter:
        """Return this filter for amounts with so many decimal places."""
        if places == DEFAULT_PLACES:
            return self
        return Filter(tuple(replace(term, places=places) for term in self.terms))

    def also(self, *terms: Term) -> Filter:
        """Return this filter with further conditions."""
        return Filter(self.terms + terms)


EVERYTHING: Final = Filter()


def parse_filter(text: str) -> Filter:
    """Read a filter; raises `FilterError` with a plain sentence."""
    return Filter(tuple(_term(word) for word in text.split()))


def _term(word: str) -> Term:
    negated = word.startswith("-") and len(word) > 1
    bare = word[1:] if negated else word
    price = _PRICE.fullmatch(bare)
    if price is not None:
        sign = "=" if price[1] == ":" else price[1]
        return Term(
            "price", comparison=_comparison(sign), price=_price_of(price[2]), negated=negated
        )
    field, colon, value = bare.partition(":")
    if not colon:
        return Term("any", (bare.casefold(),), negated=negated)
    names: dict[str, Field] = {"store": "store", "s": "store", "drink": "drink", "d": "drink"}
    if field.casefold() not in names:
        raise FilterError(f"{field}: is no field; use store:, drink:, price> or a plain word.")
    exact = value.startswith("=")
    parts = [part for part in value.removeprefix("=").split(",") if part]
    if not parts:
        raise FilterError(f"{field}: needs a value, such as store:uptown.")
    words = tuple(part if exact else part.casefold() for part in parts)
    return Term(names[field.casefold()], words, negated=negated, exact=exact)


def _comparison(sign: str) -> Comparison:
    for known in _COMPARE:
        if known == sign:
            return known
    raise FilterError(f"{sign} is no comparison.")


def _price_text(price: int) -> str:
    """Write a price with two places, or as many as it needs."""
    text = money_text(price, MAX_PLACES)
    return text.removesuffix("00") if text.endswith("00") else text.rstrip("0")


def _price_of(text: str) -> int:
    try:
        price = exact_units(text, MAX_PLACES)
        if price < 0:
            raise ValueError
        return price
    except ValueError:
        wrong = f", not {text[:20]}" if text else ""
        raise FilterError(f"price needs an amount such as 4.50{wrong}.") from None
