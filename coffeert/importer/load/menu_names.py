"""The stores and drinks that a file names, found on the menu by code or by name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from coffeert.domain.menu import MAX_NAME_LENGTH, Drink, Menu, Store, code_from_name
from coffeert.errors import ImportRefused, Invalid

MAX_NEW_ENTRIES: Final = 200
"""More than this is a column that was taken for names by mistake, not a menu."""
_MAX_CACHED: Final = 10_000
_MAX_SHOWN: Final = 40

Kind = Literal["store", "drink"]


class MenuNames:
    """Turns names into codes, and notes what the menu lacks and what of it is retired."""

    def __init__(self, menu: Menu) -> None:
        self._menu = menu
        self._stores = _Entries("store", menu.stores)
        self._drinks = _Entries("drink", menu.drinks)

    def store_code(self, name: str) -> str:
        """Return the code of a store; raises `ValueError` for what cannot be one."""
        return self._code(self._stores, name)

    def drink_code(self, name: str) -> str:
        """Return the code of a drink; raises `ValueError` for what cannot be one."""
        return self._code(self._drinks, name)

    def _code(self, entries: _Entries, name: str) -> str:
        code = entries.code(name)
        if len(self._stores.new) + len(self._drinks.new) > MAX_NEW_ENTRIES:
            raise ImportRefused(
                f"The file names more than {MAX_NEW_ENTRIES} stores and drinks that the menu lacks, such "
                f"as {_shown(name)}; is the right column mapped?"
            )
        return code

    def new_stores(self) -> list[Store]:
        """Return the stores that the menu lacks."""
        return [Store(code, name) for code, name in self._stores.new.items()]

    def new_drinks(self, prices: Mapping[str, int | None]) -> list[Drink]:
        """Return those drinks that the menu lacks, at these prices by code.

        Raises `ImportRefused` if one has none.
        """
        drinks = []
        for code, name in self._drinks.new.items():
            if code not in prices:
                continue
            price = prices[code]
            if price is None:
                raise ImportRefused(
                    f"The file has no price for {name!a}, and the menu neither: "
                    f"`coffeert menu add drink {code} --price ...` first."
                )
            drinks.append(Drink(code, name, price))
        return drinks

    def list_prices(self) -> dict[str, int]:
        """Return the prices of the drinks on the menu, retired ones too."""
        return {drink.code: drink.price_cents for drink in self._menu.drinks}

    def retired(self, codes: Iterable[str], kind: Kind) -> list[str]:
        """Return the names of those among stores or drinks that are retired."""
        entries = self._menu.stores if kind == "store" else self._menu.drinks
        wanted = set(codes)
        return [entry.name for entry in entries if entry.code in wanted and not entry.active]


class _Entries:
    def __init__(self, kind: Kind, entries: Sequence[Store | Drink]) -> None:
        self.new: dict[str, str] = {}
        self._kind = kind
        self._codes = {entry.code for entry in entries}
        self._found: dict[str, str] = {}
        # An active entry comes before a retired one, a code before a name.
        self._lookups = [
            _by_folded((text(entry), entry.code) for entry in entries if entry.active is active)
            for active in (True, False)
            for text in (_code_of, _name_of)
        ]

    def code(self, name: str) -> str:
        code = self._found.get(name)
        if code is None:
            code = self._find(name)
            if len(self._found) < _MAX_CACHED:
                self._found[name] = code
        return code

    def _find(self, name: str) -> str:
        if name in self._codes:
            return name
        key = folded(name)
        for lookup in self._lookups:
            if codes := lookup.get(key):
                if len(codes) > 1:
                    several = " or ".join(map(ascii, codes[:5]))
                    raise ValueError(
                        f"the {self._kind} {_shown(name)} is the name of several: {several}"
                    )
                return codes[0]
        try:
            code = code_from_name(name)
        except Invalid:
            raise ValueError(f"the {self._kind} {_shown(name)} is no name") from None
        if code not in self._codes:
            self.new.setdefault(code, _displayed(name))
        return code


def _code_of(entry: Store | Drink) -> str:
    return entry.code


def _name_of(entry: Store | Drink) -> str:
    return entry.name


def _by_folded(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text, code in pairs:
        key = folded(text)
        found[key] = (*found.get(key, ()), code)
    return found


def _shown(name: str) -> str:
    return ascii(name if len(name) <= _MAX_SHOWN else name[:_MAX_SHOWN] + "…")


def folded(name: str) -> str:
    """Return what names have in common that differ only in case, spaces and forms of characters."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _displayed(name: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return text if len(text) <= MAX_NAME_LENGTH else text[: MAX_NAME_LENGTH - 1] + "…"
