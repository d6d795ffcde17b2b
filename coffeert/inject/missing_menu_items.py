"""The stores and drinks that a file names and the menu lacks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from coffeert.domain.menu import Drink, Store
from coffeert.errors import ConfigError
from coffeert.inject.column_mapping import ColumnMapping, FileOrder
from coffeert.inject.file_source import checked_rows
from coffeert.inject.rows import BadRow, Rows

MAX_MISSING_ITEMS: Final = 200
"""More than this is a column that was mapped by mistake, not a menu."""


@dataclass(frozen=True, slots=True)
class MissingMenuItems:
    """Stores and drinks to put on the menu; a drink's list price is the first one seen."""

    stores: tuple[Store, ...]
    drinks: tuple[Drink, ...]

    def __bool__(self) -> bool:
        return bool(self.stores or self.drinks)


def missing_menu_items(
    rows: Rows, mapping: ColumnMapping, store_codes: Collection[str], drink_codes: Collection[str]
) -> MissingMenuItems:
    """Read all rows and return what they name beyond the menu's codes.

    Raises `ConfigError` if a drink has no price anywhere, or if there are too many.
    """
    stores: dict[str, str] = {}
    drinks: dict[str, tuple[str, int | None]] = {}
    for row in checked_rows(rows, mapping):
        if isinstance(row, BadRow):
            continue
        try:
            order = mapping.read(row)
        except ValueError:
            continue
        if order.draft.store not in store_codes:
            stores.setdefault(order.draft.store, order.store_name)
        if order.draft.drink not in drink_codes:
            _add_drink(drinks, order)
        if len(stores) + len(drinks) > MAX_MISSING_ITEMS:
            raise ConfigError(
                f"The file names more than {MAX_MISSING_ITEMS} stores and drinks that the menu lacks; "
                "is the right column mapped?"
            )
    return MissingMenuItems(
        tuple(Store(code, name) for code, name in stores.items()),
        tuple(_priced(code, name, cents) for code, (name, cents) in drinks.items()),
    )


def _add_drink(drinks: dict[str, tuple[str, int | None]], order: FileOrder) -> None:
    code, cents = order.draft.drink, order.draft.price_cents
    if drinks.get(code, (None, None))[1] is None:
        drinks[code] = (order.drink_name, cents)


def _priced(code: str, name: str, cents: int | None) -> Drink:
    if cents is None:
        raise ConfigError(f"The file has no price for {name!r}, so it cannot be added to the menu.")
    return Drink(code, name, cents)
