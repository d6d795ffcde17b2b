"""The order form: turns what is typed into a draft, or into what is wrong with each field."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import msgspec

from coffeert.domain.currency import places
from coffeert.domain.money import money_text, pieces, price_units, total_units, units_from_text
from coffeert.domain.orders import MAX_QUANTITY, Draft, Order, total_faults
from coffeert.errors import FieldError
from coffeert.printable import printable
from coffeert.tui.model.suggestions import MenuItem, named_by
from coffeert.tui.render.format import money
from coffeert.wire.orders import MenuBody, MenuDrink, draft_body


@dataclass(frozen=True, slots=True)
class FormValues:
    """What stands in the form; `order_id` is the idempotency key the order will have."""

    store: str
    drink: str
    quantity: str
    price: str
    total: str
    order_id: UUID


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft, or what is wrong with the fields."""

    draft: Draft | None
    faults: tuple[FieldError, ...]

    def fault(self, field: str) -> str:
        """Return what is wrong with a field; "" if nothing is."""
        return next((fault.message for fault in self.faults if fault.field == field), "")


def check(entry: FormValues, menu: MenuBody) -> Checked:
    """Check the fields as the server does, so that mistakes show before the order is sent."""
    faults: list[FieldError] = []
    decimals = places(menu.currency)
    store = _code("store", entry.store, stores_of(menu), faults)
    drink = _code("drink", entry.drink, drinks_of(menu), faults)
    quantity = _quantity(entry.quantity, faults)
    price = _amount("price", entry.price, partial(price_units, places=decimals), faults)
    total = _amount("total", entry.total, partial(total_units, places=decimals), faults)
    draft = Draft(store, drink, quantity, price, None, entry.order_id, total_cents=total)
    if not faults and total is not None:
        faults += total_faults(draft, decimals)
    return Checked(None if faults else draft, tuple(faults))


def stores_of(menu: MenuBody) -> tuple[MenuItem, ...]:
    """Return the stores that take orders."""
    return tuple(MenuItem(store.code, store.name) for store in menu.stores)


def drinks_of(menu: MenuBody) -> tuple[MenuItem, ...]:
    """Return the drinks on sale."""
    return tuple(MenuItem(drink.code, drink.name) for drink in menu.drinks)


def order_words(order: Order, menu: MenuBody | None) -> str:
    """Return an order in words, such as `3 Flat White at Uptown, 14.10`; a void as what it takes back."""
    items: tuple[MenuItem, ...] = () if menu is None else (*stores_of(menu), *drinks_of(menu))
    names = {code: printable(name, 32) for code, name in items}
    store = names.get(order.store) or printable(order.store, 32)
    drink = names.get(order.drink) or printable(order.drink, 32)
    sign = 1 if order.voids is None else -1
    amount = money(sign * order.total_cents, places(None if menu is None else menu.currency))
    return f"{sign * order.quantity:,} {drink} at {store}, {amount}"


def total_text(draft: Draft, menu: MenuBody | None) -> str:
    """Return what the order will cost, as `2 x 4.50 = 9.00`; of a refund also that it is one."""
    cents, decimals = draft.price_cents, places(None if menu is None else menu.currency)
    if draft.total_cents is not None:
        whole = -abs(draft.total_cents) if draft.quantity < 0 else draft.total_cents
        return f"{draft.quantity} for {money_text(whole, decimals)}{_refund(draft)}"
    if cents is None:
        drink = find_drink(menu, draft.drink)
        cents = None if drink is None else units_from_text(drink.price)
    if cents is None:
        return ""
    total = money_text(cents * draft.quantity, decimals)
    return f"{draft.quantity} x {money_text(cents, decimals)} = {total}{_refund(draft)}"


def _refund(draft: Draft) -> str:
    return ", a refund" if draft.quantity < 0 else ""


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


def _code(field: str, text: str, items: tuple[MenuItem, ...], faults: list[FieldError]) -> str:
    """Return the code of what was typed: a code, or a name that only one has."""
    found = named_by(text, items)
    if len(found) == 1:
        return found[0].code
    typed = printable(text.strip(), 40)
    if found:
        codes = ", ".join(printable(item.code) for item in found)
        faults.append(FieldError(field, f"{typed} is the name of several: type one of {codes}"))
    else:
        faults.append(FieldError(field, f"no {field} is called {typed}" if typed else "choose one"))
    return ""


def _amount(
    field: str, text: str, read: Callable[[str], int], faults: list[FieldError]
) -> int | None:
    if not text.strip():
        return None
    try:
        return read(text.strip())
    except ValueError as error:
        faults.append(FieldError(field, str(error)))
        return None
