"""`coffeert menu`: list, add and retire stores and drinks, and say when their days begin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
from rich.cells import cell_len

from coffeert.cli.database import with_database
from coffeert.cli.menu_calendar import calendar_command, currency_command, start_text
from coffeert.cli.menu_days import mark_command, unmark_command, week_command
from coffeert.cli.params import data_dir_option
from coffeert.domain.currency import MAX_PLACES, places
from coffeert.domain.menu import Drink, Menu, Store
from coffeert.domain.money import exact_units, money_text, price_units
from coffeert.domain.period_titles import WEEKDAYS
from coffeert.postgres import menu as tables
from coffeert.postgres.calendars import StoreCalendar, load_store_calendars
from coffeert.postgres.installation import load_currency
from coffeert.postgres.marked_days import load_marked_days, load_week_start
from coffeert.postgres.pool import Connection
from coffeert.printable import printable

T = TypeVar("T")


def _number(context: click.Context, option: click.Parameter, value: str) -> str:
    try:
        exact_units(value, MAX_PLACES)  # how many the currency has is not known yet
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    return value


@click.group()
@data_dir_option
@click.pass_context
def command(context: click.Context, data_dir: Path | None) -> None:
    """List, add and retire stores and drinks, and set when days begin; running servers follow at once."""
    context.obj = data_dir


@command.command("list")
def list_menu() -> None:
    """Show every store and drink, retired ones too, when days and weeks begin, and the currency."""
    menu, calendars, currency, marked, week_start = _with_database(_load, existing=True)
    for line in _lines(menu, calendars, currency):
        click.echo(line)
    click.echo(f"weeks start on {WEEKDAYS[week_start - 1]}")
    for day, name in marked.items():
        click.echo(f"marked: {day} {printable(name)}")


command.add_command(calendar_command)
command.add_command(currency_command)
command.add_command(mark_command)
command.add_command(unmark_command)
command.add_command(week_command)


@command.group()
def add() -> None:
    """Put a store or drink on the menu, or change the one that is there."""


@add.command("store")
@click.argument("code")
@click.option("--name", help="The displayed name; by default made from the code.")
def add_store(code: str, name: str | None) -> None:
    """Put a store on the menu; a retired one takes orders again."""
    store = Store(code, _name(code, name))
    _with_database(partial(_call, tables.add_store, store))
    click.echo(f"The store {code} takes orders.")


@add.command("drink")
@click.argument("code")
@click.option("--price", callback=_number, required=True, help="List price, such as 4.50.")
@click.option("--name", help="The displayed name; by default made from the code.")
def add_drink(code: str, price: str, name: str | None) -> None:
    """Put a drink on the menu, or change its price; a retired one is sold again."""
    written = _with_database(partial(_add_drink, code, _name(code, name), price))
    click.echo(f"The drink {code} is sold at {written}.")


@command.group()
def retire() -> None:
    """Take a store or drink off the menu; its past orders still count."""


@retire.command("store")
@click.argument("code")
def retire_store(code: str) -> None:
    """Take a store off the menu."""
    _with_database(partial(_call, tables.retire_store, code))
    click.echo(f"The store {code} takes no more orders.")


@retire.command("drink")
@click.argument("code")
def retire_drink(code: str) -> None:
    """Take a drink off the menu."""
    _with_database(partial(_call, tables.retire_drink, code))
    click.echo(f"The drink {code} is no longer sold.")


def _name(code: str, name: str | None) -> str:
    return code.replace("-", " ").title() if name is None else name


async def _call(
    change: Callable[[Connection, T], Awaitable[None]], value: T, connection: Connection
) -> None:
    await change(connection, value)


async def _add_drink(code: str, name: str, price: str, connection: Connection) -> str:
    """Add a drink, and return its price with the places of the currency."""
    decimals = places(await load_currency(connection))
    try:
        units = price_units(price, decimals)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--price") from None
    await tables.add_drink(connection, Drink(code, name, units))
    return money_text(units, decimals)


def _with_database(work: Callable[[Connection], Awaitable[T]], *, existing: bool = False) -> T:
    return with_database(click.get_current_context().obj, "menu", work, existing=existing)


async def _load(
    connection: Connection,
) -> tuple[Menu, dict[str | None, StoreCalendar], str | None, dict[date, str], int]:
    return (
        await tables.load_menu(connection),
        await load_store_calendars(connection),
        await load_currency(connection),
        await load_marked_days(connection),
        await load_week_start(connection),
    )


def _lines(
    menu: Menu, calendars: dict[str | None, StoreCalendar], currency: str | None
) -> list[str]:
    default = calendars[None]
    rows = [("STORE", "NAME", "DAY STARTS", "")]
    for store in menu.stores:
        calendar = calendars.get(store.code, default)
        zone = calendar.zone + ("" if store.code in calendars else " (default)")
        state = f"{zone}  {_state(store.active)}".rstrip()
        rows.append((store.code, store.name, start_text(calendar.starts), state))
    rows += [("", "", "", ""), ("DRINK", "NAME", "PRICE", currency or "")]
    rows += [
        (
            drink.code,
            drink.name,
            money_text(drink.price_cents, places(currency)),
            _state(drink.active),
        )
        for drink in menu.drinks
    ]
    # These commands refuse control characters, but SQL can put them into a name.
    clean = [(printable(code), printable(name), price, state) for code, name, price, state in rows]
    codes, names = (max(cell_len(row[column]) for row in clean) for column in (0, 1))
    table = [
        f"{_pad(code, codes)}  {_pad(name, names)}  {price:>10}  {state}".rstrip()
        for code, name, price, state in clean
    ]
    return [*table, "", f"default: the day starts at {start_text(default.starts)}, {default.zone}"]


def _state(active: bool) -> str:
    return "" if active else "retired"


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
