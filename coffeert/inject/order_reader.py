"""From the fields of a row to an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from coffeert.domain.currency import DEFAULT_PLACES, places
from coffeert.domain.money import pieces, price_units, total_units
from coffeert.domain.order_keys import key_to_echo, order_id_from_key
from coffeert.domain.orders import MAX_QUANTITY, Draft, Void
from coffeert.inject.rows import FileRow
from coffeert.wire.orders import MenuBody


@dataclass(frozen=True, slots=True)
class OrderReader:
    """Reads orders; a row's store and drink are codes, or names of the menu."""

    store_codes: Mapping[str, str]
    drink_codes: Mapping[str, str]
    places: int = DEFAULT_PLACES

    def read(self, row: FileRow) -> Draft:
        """Read a row; raises `ValueError` with the reason if it is not an order."""
        store, drink = self._required(row, "store"), self._required(row, "drink")
        if "voids" in row.values:
            raise ValueError("it is the correction of another order")
        key, order_id = row.values.get("order_id"), self._order_id(row)
        return Draft(
            store=_code(store, self.store_codes),
            drink=_code(drink, self.drink_codes),
            quantity=self._quantity(row),
            price_cents=self._amount(row, "price", price_units),
            placed_at=self._placed_at(row),
            order_id=order_id,
            total_cents=self._amount(row, "total", total_units),
            source=row.values.get("source"),
            receipt=row.values.get("receipt"),
            key=None if key is None or order_id is None else key_to_echo(key, order_id),
        )

    def read_void(self, row: FileRow) -> Void:
        """Read a row with the field `void`; raises `ValueError` with the reason if it cannot be read."""
        if len(row.values) > 1:
            raise ValueError("a void names an order, and nothing else")
        key = row.values["void"]
        try:
            order_id = order_id_from_key(key)
        except ValueError as error:
            raise ValueError(f"the void {error}") from None
        return Void(order_id, key_to_echo(key, order_id))

    def _required(self, row: FileRow, field: str) -> str:
        value = row.values.get(field)
        if value is None:
            raise ValueError(f"{field} is empty")
        return value

    def _quantity(self, row: FileRow) -> int:
        text = row.values.get("quantity") or "1"
        try:
            quantity = pieces(text)
        except ValueError as error:
            raise ValueError(f"the quantity {error}") from None
        if quantity == 0 or abs(quantity) > MAX_QUANTITY:
            raise ValueError(f"the quantity is not from 1 to {MAX_QUANTITY}, or negative")
        return quantity

    def _amount(self, row: FileRow, field: str, read: Callable[[str, int], int]) -> int | None:
        text = row.values.get(field)
        try:
            return None if text is None else read(text, self.places)
        except ValueError as error:
            raise ValueError(f"the {field} {error}") from None

    def _placed_at(self, row: FileRow) -> datetime | None:
        text = row.values.get("placed_at")
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("the time is not like 2024-03-01T10:15:50+02:00 (RFC 3339)") from None
        if moment.tzinfo is None:
            raise ValueError("the time has no offset")
        return moment

    def _order_id(self, row: FileRow) -> UUID | None:
        text = row.values.get("order_id")
        try:
            return None if text is None else order_id_from_key(text)
        except ValueError as error:
            raise ValueError(f"the order_id {error}") from None


def order_reader(menu: MenuBody) -> OrderReader:
    """Return the reader that finds a menu's stores and drinks by code and by name."""
    return OrderReader(
        _codes((item.code, item.name) for item in menu.stores),
        _codes((item.code, item.name) for item in menu.drinks),
        places(menu.currency),
    )


def _codes(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = list(items)
    # A code means itself even if it is also the name of something else.
    return {name.casefold(): code for code, name in pairs} | {code: code for code, _ in pairs}


def _code(name: str, codes: Mapping[str, str]) -> str:
    # What is unknown is for the server to refuse.
    return codes.get(name) or codes.get(name.casefold()) or name
