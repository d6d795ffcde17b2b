"""Adding the stores and drinks of a file to the menu, before the file is injected.

The server's API only reads the menu, so this writes to the database; the injector itself never does.
"""

from __future__ import annotations

import asyncio
import time

import click

from coffeert.cli.services import services
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.errors import ServerUnavailable
from coffeert.inject import Target
from coffeert.inject.column_mapping import ColumnMapping
from coffeert.inject.missing_menu_items import MissingMenuItems, missing_menu_items
from coffeert.inject.rows import Rows
from coffeert.postgres.menu import add_drink, add_store
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.pool import connect
from coffeert.wire.orders import MenuBody

_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.1


def add_missing(rows: Rows, mapping: ColumnMapping, target: Target, menu: MenuBody) -> None:
    """Add what the rows name and the menu lacks, and wait until the server's menu has everything.

    Raises `ServerUnavailable` if the server does not see them: it uses another database.
    """
    found = missing_menu_items(rows, mapping, _stores(menu), _drinks(menu))
    if not found:
        return
    with services(load_config(), redis=False) as running:
        asyncio.run(_add(running.database_url, found))
        asyncio.run(_wait_until_seen(target, found))
    names = [store.code for store in found.stores] + [drink.code for drink in found.drinks]
    click.echo(f"added to the menu: {', '.join(names)}", err=True)


async def _add(url: str, found: MissingMenuItems) -> None:
    connection = await connect(url, application_name="coffeert inject")
    try:
        await check_schema(connection)
        for store in found.stores:
            await add_store(connection, store)
        for drink in found.drinks:
            await add_drink(connection, drink)
    finally:
        await connection.close()


async def _wait_until_seen(target: Target, found: MissingMenuItems) -> None:
    wanted = {store.code for store in found.stores} | {drink.code for drink in found.drinks}
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    async with OrderClient(
        target.url, target.token, patience=_TIMEOUT_SECONDS, ca_file=target.ca_file
    ) as client:
        while True:
            menu = await client.menu()
            if wanted <= _stores(menu) | _drinks(menu):
                return
            if time.monotonic() > deadline:
                raise ServerUnavailable(
                    "The menu was extended, but the server does not see it: it uses another database "
                    "than this command; set the same COFFEERT_DATABASE_URL or COFFEERT_DATA_DIR."
                )
            await asyncio.sleep(_POLL_SECONDS)


def _stores(menu: MenuBody) -> set[str]:
    return {store.code for store in menu.stores}


def _drinks(menu: MenuBody) -> set[str]:
    return {drink.code for drink in menu.drinks}
