"""The tables of the menu: reading and changing them, and listening for changes."""

from __future__ import annotations

from collections.abc import Callable

from coffeert.domain.currency import places
from coffeert.domain.menu import Drink, Menu, Store, check_code, check_name
from coffeert.domain.money import MAX_PRICE_CENTS, money_text
from coffeert.errors import FieldError, Invalid, NotFound
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.installation import load_currency
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql

_CHANNEL = "coffeert_menu"


async def load_menu(connection: Connection) -> Menu:
    """Read the menu as of one moment."""
    with translate_errors():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            stores = await connection.fetch(sql("load_stores"))
            drinks = await connection.fetch(sql("load_drinks"))
            currency = await load_currency(connection)
    return Menu(
        tuple(Store(**row) for row in stores), tuple(Drink(**row) for row in drinks), currency
    )


async def add_store(connection: Connection, store: Store) -> None:
    """Add a store to the menu; an existing one gets the new name, a retired one becomes active.

    Raises `Invalid` if the code or the name cannot be used.
    """
    check_code(store.code)
    check_name(store.name)
    with translate_errors():
        await connection.execute(sql("add_store"), store.code, store.name)


async def add_drink(connection: Connection, drink: Drink) -> None:
    """Add a drink to the menu; an existing one gets the new name and price and becomes active.

    Raises `Invalid` if the code, the name or the price cannot be used.
    """
    check_code(drink.code)
    check_name(drink.name)
    if not 0 <= drink.price_cents <= MAX_PRICE_CENTS:
        most = money_text(MAX_PRICE_CENTS, places(await load_currency(connection)))
        fault = FieldError("price", f"must be from 0 to {most}")
        raise Invalid(f"The price {fault.message}.", errors=(fault,))
    with translate_errors():
        await connection.execute(sql("add_drink"), drink.code, drink.name, drink.price_cents)


async def retire_store(connection: Connection, code: str) -> None:
    """Take a store off the menu; raises `NotFound` if the menu has none of this code."""
    await _retire(connection, sql("retire_store"), "store", code)


async def retire_drink(connection: Connection, code: str) -> None:
    """Take a drink off the menu; raises `NotFound` if the menu has none of this code."""
    await _retire(connection, sql("retire_drink"), "drink", code)


async def _retire(connection: Connection, query: str, kind: str, code: str) -> None:
    check_code(code)
    with translate_errors():
        retired = await connection.fetchval(query, code)
    if retired is None:
        raise NotFound(f"The menu has no {kind} {code!a}.")


async def listen_menu(connection: Connection, callback: Callable[[], None]) -> None:
    """Call `callback` after each change of the menu by any session, as long as the connection lives.

    The connection must be the listener's own: a pool drops the listeners of a released one.
    """
    with translate_errors():
        await connection.add_listener(_CHANNEL, lambda *_: callback())
