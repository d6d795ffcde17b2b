"""The menu: which stores sell, and what a drink costs."""

from __future__ import annotations

import hashlib
import unicodedata

import msgspec

from coffeert.errors import FieldError, Invalid

MAX_CODE_LENGTH = 40
MAX_NAME_LENGTH = 80
_DIGEST_LENGTH = 8


class Store(msgspec.Struct, frozen=True):
    """A store; a retired one takes no orders, and its past stays in every figure."""

    code: str
    name: str
    active: bool = True


class Drink(msgspec.Struct, frozen=True):
    """A drink and its list price in cents."""

    code: str
    name: str
    price_cents: int
    active: bool = True


class Menu:
    """The stores and drinks of one moment; immutable, replaced as a whole when the menu changes."""

    __slots__ = ("_prices", "_stores", "currency", "drinks", "stores")

    def __init__(
        self, stores: tuple[Store, ...], drinks: tuple[Drink, ...], currency: str | None = None
    ) -> None:
        self.stores = stores
        self.drinks = drinks
        self.currency = currency
        self._stores = frozenset(store.code for store in stores if store.active)
        self._prices = {drink.code: drink.price_cents for drink in drinks if drink.active}

    def sells_at(self, store: str) -> bool:
        """Return True if the store takes orders."""
        return store in self._stores

    def list_price(self, drink: str) -> int | None:
        """Return the price in cents, or `None` if the drink is not sold."""
        return self._prices.get(drink)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Menu)
            and self.stores == other.stores
            and self.drinks == other.drinks
            and self.currency == other.currency
        )

    def __hash__(self) -> int:
        return hash((self.stores, self.drinks, self.currency))


def code_from_name(name: str) -> str:
    """Derive a code from a display name: `Hot Chocolate` gives `hot-chocolate`.

    Long names that begin alike give different codes. Raises `Invalid` if the name has no character that
    a code may have.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    code = "-".join("".join(c if c.isprintable() else " " for c in folded).split())
    if len(code) > MAX_CODE_LENGTH:
        digest = hashlib.sha256(code.encode()).hexdigest()[:_DIGEST_LENGTH]
        code = f"{code[: MAX_CODE_LENGTH - _DIGEST_LENGTH - 1]}-{digest}"
    check_code(code)
    return code


def check_code(code: str) -> None:
    """Raise `Invalid` for a code that is empty, too long, or has spaces or unprintable characters."""
    if not code or len(code) > MAX_CODE_LENGTH or not code.isprintable() or " " in code:
        raise _invalid(
            "code", f"must be 1 to {MAX_CODE_LENGTH} printable characters without spaces"
        )


def check_name(name: str) -> None:
    """Raise `Invalid` for a name that is blank, too long, or has unprintable characters."""
    if not name.strip() or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise _invalid("name", f"must be 1 to {MAX_NAME_LENGTH} printable characters")


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"The {field} {message}.", errors=(FieldError(field, message),))
