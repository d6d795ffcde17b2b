"""The menu: which stores sell, and what a drink costs."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator

import msgspec

from coffeert.domain.currency import places
from coffeert.errors import FieldError, Invalid

MAX_CODE_LENGTH = 40
MAX_NAME_LENGTH = 80
_DIGEST_LENGTH = 8
_MAX_FOLDED = 4 * MAX_NAME_LENGTH
_MAX_SHOWN = 5
_HYPHENS = re.compile("--+")


class Store(msgspec.Struct, frozen=True):
    """A store; a retired one takes no orders, and its past stays in every figure."""

    code: str
    name: str
    active: bool = True


class Drink(msgspec.Struct, frozen=True):
    """A drink and its list price in minor units of the currency."""

    code: str
    name: str
    price_cents: int
    active: bool = True


class Menu:
    """The stores and drinks of one moment; immutable, replaced as a whole when the menu changes."""

    __slots__ = (
        "_drink_names",
        "_prices",
        "_store_names",
        "_stores",
        "currency",
        "drinks",
        "places",
        "stores",
    )

    def __init__(
        self, stores: tuple[Store, ...], drinks: tuple[Drink, ...], currency: str | None = None
    ) -> None:
        self.stores = stores
        self.drinks = drinks
        self.currency = currency
        self.places = places(currency)
        """Decimal places of all amounts."""
        self._stores = frozenset(store.code for store in stores if store.active)
        self._prices = {drink.code: drink.price_cents for drink in drinks if drink.active}
        self._store_names = _Names("store", stores)
        self._drink_names = _Names("drink", drinks)

    def sells_at(self, store: str) -> bool:
        """Return True if the store of this code takes orders."""
        return store in self._stores

    def list_price(self, drink: str) -> int | None:
        """Return the price in minor units, or `None` if no drink of this code is sold."""
        return self._prices.get(drink)

    def store_code(self, text: str) -> str | None:
        """Return the code of the active store that is meant by its code or its name, if there is one."""
        return self._store_names.code(text)

    def drink_code(self, text: str) -> str | None:
        """Return the code of the active drink that is meant by its code or its name, if there is one."""
        return self._drink_names.code(text)

    def may_mean_store(self, text: str, code: str) -> bool:
        """Whether a text is the code or the present name of a store, which may be retired."""
        return self._store_names.may_mean(text, code)

    def may_mean_drink(self, text: str, code: str) -> bool:
        """Whether a text is the code or the present name of a drink, which may be retired."""
        return self._drink_names.may_mean(text, code)

    def why_no_store(self, text: str) -> str:
        """Return why `store_code` finds none."""
        return self._store_names.why_none(text)

    def why_no_drink(self, text: str) -> str:
        """Return why `drink_code` finds none."""
        return self._drink_names.why_none(text)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Menu)
            and self.stores == other.stores
            and self.drinks == other.drinks
            and self.currency == other.currency
        )

    def __hash__(self) -> int:
        return hash((self.stores, self.drinks, self.currency))


class _Names:
    """Finds entries by code, or by code or name in any case; what is a code means no name."""

    __slots__ = ("_active", "_codes", "_folded", "_kind")

    def __init__(self, kind: str, entries: tuple[Store, ...] | tuple[Drink, ...]) -> None:
        self._kind = kind
        self._codes = frozenset(entry.code for entry in entries)
        self._active = frozenset(entry.code for entry in entries if entry.active)
        # A code in another case comes before a name.
        self._folded = (
            _by_folded((entry.code, entry.code) for entry in entries),
            _by_folded((entry.name, entry.code) for entry in entries),
        )

    def code(self, text: str) -> str | None:
        """Return the code of the only active entry that is meant."""
        found = self._active_meant(text)
        return found[0] if len(found) == 1 else None

    def may_mean(self, text: str, code: str) -> bool:
        """Whether a text can mean the entry of a code, active or not."""
        return text == code or any(code in codes for codes in self._lookups(text))

    def why_none(self, text: str) -> str:
        """Return why `code` returns none."""
        # A stranger's value is shown short and escaped, since errors reach terminals and logs.
        shown = ascii(text if len(text) <= MAX_CODE_LENGTH else text[:MAX_CODE_LENGTH] + "…")
        found = self._active_meant(text)
        if found:
            several = " or ".join(map(ascii, found[:_MAX_SHOWN]))
            return f"{shown} is the name of several; say by its code which: {several}"
        return f"{shown} is not an active {self._kind} of the menu"

    def _active_meant(self, text: str) -> tuple[str, ...]:
        if text in self._codes:
            return (text,) if text in self._active else ()
        for codes in self._lookups(text):
            if found := tuple(code for code in codes if code in self._active):
                return found
        return ()

    def _lookups(self, text: str) -> Iterator[tuple[str, ...]]:
        if len(text) <= _MAX_FOLDED:
            folded = _fold(text)
            yield from (labels.get(folded, ()) for labels in self._folded)


def _by_folded(labels: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    codes: dict[str, tuple[str, ...]] = {}
    for label, code in labels:
        codes[_fold(label)] = (*codes.get(_fold(label), ()), code)
    return codes


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def code_from_name(name: str) -> str:
    """Derive a code from a display name: `Latte - Large` gives `latte-large`.

    Long names that begin alike give different codes. Raises `Invalid` if the name has no character that
    a code may have.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    code = "-".join("".join(c if c.isprintable() else " " for c in folded).split())
    code = _HYPHENS.sub("-", code)
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
