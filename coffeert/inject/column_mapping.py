"""How the columns of a file map to the fields of an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final
from uuid import UUID

from coffeert.domain.currency import DEFAULT_PLACES, places
from coffeert.domain.menu import code_from_name
from coffeert.domain.money import pieces, price_units, total_units
from coffeert.domain.order_keys import key_to_echo, order_id_from_key
from coffeert.domain.orders import MAX_QUANTITY, Draft
from coffeert.errors import ConfigError, Invalid
from coffeert.inject.rows import FileRow
from coffeert.wire.orders import MenuBody

FIELDS: Final = (
    "store",
    "drink",
    "quantity",
    "price",
    "total",
    "placed_at",
    "order_id",
    "source",
    "receipt",
)


@dataclass(frozen=True, slots=True)
class FileOrder:
    """An order read from a row, and the names from which its codes were made."""

    draft: Draft
    store_name: str
    drink_name: str


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column holds which field, and what the file leaves out.

    `columns` names the column of each field. `store` is for files of a single store. `zone` is for times
    without an offset; one that occurs twice when the clock is put back is the earlier one, and one that
    is skipped when it is put forward is read with the offset from before, so the same text always gives
    the same instant (PEP 495, `fold=0`).
    """

    columns: Mapping[str, str]
    store: str | None
    zone: tzinfo | None
    store_codes: Mapping[str, str]
    drink_codes: Mapping[str, str]
    places: int = DEFAULT_PLACES

    def read(self, row: FileRow) -> FileOrder:
        """Read a row; raises `ValueError` with the reason if it is not an order.

        Raises `ConfigError` if a time has no offset and no zone is given.
        """
        store = self.store or self._required(row, "store")
        drink = self._required(row, "drink")
        if "voids" in row.values:
            raise ValueError("it is the correction of another order")
        key, order_id = self._value(row, "order_id"), self._order_id(row)
        draft = Draft(
            store=_code(store, self.store_codes, "store"),
            drink=_code(drink, self.drink_codes, "drink"),
            quantity=self._quantity(row),
            price_cents=self._amount(row, "price", price_units),
            placed_at=self._placed_at(row),
            order_id=order_id,
            total_cents=self._amount(row, "total", total_units),
            source=self._value(row, "source"),
            receipt=self._value(row, "receipt"),
            key=None if key is None or order_id is None else key_to_echo(key, order_id),
        )
        return FileOrder(draft, store, drink)

    def _value(self, row: FileRow, field: str) -> str | None:
        return row.values.get(self.columns.get(field, field))

    def _required(self, row: FileRow, field: str) -> str:
        value = self._value(row, field)
        if value is None:
            raise ValueError(f"{self.columns.get(field, field)} is empty")
        return value

    def _quantity(self, row: FileRow) -> int:
        text = self._value(row, "quantity") or "1"
        try:
            quantity = pieces(text)
        except ValueError as error:
            raise ValueError(f"the quantity {error}") from None
        if quantity == 0 or abs(quantity) > MAX_QUANTITY:
            raise ValueError(f"the quantity is not from 1 to {MAX_QUANTITY}, or negative")
        return quantity

    def _amount(self, row: FileRow, field: str, read: Callable[[str, int], int]) -> int | None:
        text = self._value(row, field)
        try:
            return None if text is None else read(text, self.places)
        except ValueError as error:
            raise ValueError(f"the {field} {error}") from None

    def _placed_at(self, row: FileRow) -> datetime | None:
        text = self._value(row, "placed_at")
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("the time is not like 2024-03-01 10:15:50 or RFC 3339") from None
        if moment.tzinfo is not None:
            return moment
        if self.zone is None:
            column = self.columns.get("placed_at", "placed_at")
            raise ConfigError(
                f"The times in {column} have no offset; say with --timezone where they were written."
            )
        return moment.replace(tzinfo=self.zone)

    def _order_id(self, row: FileRow) -> UUID | None:
        text = self._value(row, "order_id")
        try:
            return None if text is None else order_id_from_key(text)
        except ValueError as error:
            raise ValueError(f"the order_id {error}") from None


def column_mapping_for(
    menu: MenuBody, columns: Mapping[str, str], store: str | None, zone: tzinfo | None
) -> ColumnMapping:
    """Return the mapping that finds a menu's stores and drinks by code and by name."""
    return ColumnMapping(
        columns,
        store,
        zone,
        _codes((item.code, item.name) for item in menu.stores),
        _codes((item.code, item.name) for item in menu.drinks),
        places(menu.currency),
    )


def parse_mapping(text: str) -> dict[str, str]:
    """Parse `field=column,...`; raises `ConfigError` naming what cannot be used."""
    columns: dict[str, str] = {}
    for part in text.split(",") if text else ():
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise ConfigError(
                f"--map takes field=column pairs with commas between; {part!r} is none."
            )
        if field not in FIELDS:
            raise ConfigError(f"An order has no field {field!r}; it has {', '.join(FIELDS)}.")
        if field in columns:
            raise ConfigError(f"--map names the field {field} twice.")
        columns[field] = column
    return columns


def check_columns(
    available: Iterable[str], columns: Mapping[str, str], *, store_given: bool
) -> None:
    """Raise `ConfigError` if a mapped or required column is missing."""
    present = list(dict.fromkeys(available))
    listed = ", ".join(present) if len(present) <= 30 else f"{len(present)} others"
    unknown = [column for column in columns.values() if column not in present]
    if unknown:
        raise ConfigError(f"--map names {_listed(unknown)}, but the file has {listed}.")
    missing = [
        field
        for field in ("store", "drink")
        if columns.get(field, field) not in present and not (field == "store" and store_given)
    ]
    if missing:
        hint = " or give --store" if "store" in missing else ""
        raise ConfigError(
            f"The file has no {_listed(missing)} among {listed}; say which column it is with --map{hint}."
        )


def _listed(names: Iterable[str]) -> str:
    return " and ".join(repr(name) for name in names)


def _codes(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = list(items)
    # A code means itself even if it is also the name of something else.
    return {name.casefold(): code for code, name in pairs} | {code: code for code, _ in pairs}


def _code(name: str, codes: Mapping[str, str], kind: str) -> str:
    known = codes.get(name) or codes.get(name.casefold())
    if known is not None:
        return known
    try:
        return code_from_name(name)
    except Invalid:
        raise ValueError(f"the {kind} has no name that can be used") from None
