"""The order form: turns what is typed into a draft, or into what is wrong with each field."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from uuid import UUID

import msgspec

from coffeert.domain.currency import places
from coffeert.domain.money import money_text, pieces, price_units, units_from_text
from coffeert.domain.orders import MAX_QUANTITY, Draft
from coffeert.errors import FieldError
from coffeert.printable import printable
from coffeert.wire.orders import MenuBody, MenuDrink, draft_body


@dataclass(frozen=True, slots=True)
class FormValues:
    """What stands in the form; `order_id` is the idempotency key the order will have."""

    store: str | None
    drink: str | None
    quantity: str
    price: str
    order_id: UUID


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft, or what is wrong with the fields."""

    draft: Draft | None
    faults: tuple[FieldError, ...]

    def fault(self, field: str) -> str:
        """Return what is wrong with a field; "" if nothing is."""
        return next((fault.message for fault in self.faults if fault.field == field), "")


def check(entry: FormValues, currency: str | None = None) -> Checked:
    """Check the fields as the server does, so that mistakes show before the order is sent."""
    faults: list[FieldError] = []
    if not entry.store:
        faults.append(FieldError("store", "choose a store"))
    if not entry.drink:
        faults.append(FieldError("drink", "choose a drink"))
    quantity = _quantity(entry.quantity, faults)
    cents = _price(entry.price, places(currency), faults)
    if faults or not entry.store or not entry.drink:
        return Checked(None, tuple(faults))
    return Checked(Draft(entry.store, entry.drink, quantity, cents, None, entry.order_id), ())


def total_text(draft: Draft, menu: MenuBody | None) -> str:
    """Return what the order will cost, as `2 x 4.50 = 9.00`; of a refund also that it is one."""
    cents, decimals = draft.price_cents, places(None if menu is None else menu.currency)
    if cents is None:
        drink = find_drink(menu, draft.drink)
        cents = None if drink is None else units_from_text(drink.price)
    if cents is None:
        return ""
    total = money_text(cents * draft.quantity, decimals)
    refund = "  refund" if draft.quantity < 0 else ""
    return f"{draft.quantity} x {money_text(cents, decimals)} = {total}{refund}"


def find_drink(menu: MenuBody | None, code: str) -> MenuDrink | None:
    drinks = () if menu is None else menu.drinks
    return next((drink for drink in drinks if drink.code == code), None)


def curl(draft: Draft, url: str, currency: str | None = None, *, with_token: bool) -> str:
    """Return the same order as a command, with its key, so that doing both makes one order.

    `with_token` adds the header that a protected server wants. It names the variable COFFEERT_TOKEN and
    never holds the token itself: clipboards and shell histories are read by others.
    """
    body = msgspec.to_builtins(draft_body(draft, places(currency)))
    parts = ["curl", "-sS", f"{url.rstrip('/')}/api/orders"]
    parts += ["-H", "Content-Type: application/json", "-d", json.dumps(body, ensure_ascii=False)]
    command = " ".join(shlex.quote(part) for part in parts)
    if with_token:
        command += ' -H "Authorization: Bearer $COFFEERT_TOKEN"'
    return printable(command, 2000)


def _quantity(text: str, faults: list[FieldError]) -> int:
    try:
        quantity = pieces(text.strip())
    except ValueError as error:
        faults.append(FieldError("quantity", str(error)))
        return 0
    if quantity == 0 or abs(quantity) > MAX_QUANTITY:
        faults.append(FieldError("quantity", f"1 to {MAX_QUANTITY}, or negative: a refund"))
    return quantity


def _price(text: str, decimals: int, faults: list[FieldError]) -> int | None:
    if not text.strip():
        return None
    try:
        return price_units(text.strip(), decimals)
    except ValueError as error:
        faults.append(FieldError("price", str(error)))
        return None
