"""The menu, kept up to date with the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from coffeert.backoff import Backoff
from coffeert.domain.menu import Menu
from coffeert.domain.money import money_text
from coffeert.errors import DatabaseUnavailable
from coffeert.postgres.connecting import has_session
from coffeert.postgres.menu import listen_menu, load_menu
from coffeert.postgres.pool import Connection, connect
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.wire.frames import MenuChanged
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore

log = structlog.get_logger(__name__)

_POLL_SECONDS = 5.0  # also without a notification: a connection may be lost unnoticed
_MAX_RETRY_SECONDS = 1.0


class MenuCache:
    """Holds the present menu and sends a new one to the dashboards."""

    def __init__(self, menu: Menu, database_url: str, broadcaster: Broadcaster) -> None:
        self._menu = menu
        self._database_url = database_url
        self._broadcaster = broadcaster

    def menu(self) -> Menu:
        return self._menu

    def body(self) -> MenuBody:
        """Return the active part of the present menu, as clients see it."""
        return _menu_body(self._menu)

    async def watch(self) -> None:
        """Follow the menu in the database until cancelled; reconnects."""
        backoff = Backoff(longest=_MAX_RETRY_SECONDS)
        while True:
            with suppress(DatabaseUnavailable):
                connection = await connect(self._database_url, application_name="coffeert menu")
                backoff.reset()
                try:
                    await self._follow(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(backoff.next_delay())

    async def _follow(self, connection: Connection) -> None:
        changed = asyncio.Event()
        if has_session(connection):  # else nobody would hear: then it is asked for
            await listen_menu(connection, changed.set)
        while True:
            changed.clear()
            menu = await load_menu(connection)
            if menu != self._menu:
                self._menu = menu
                log.info("menu changed", stores=len(menu.stores), drinks=len(menu.drinks))
                await self._broadcaster.broadcast(MenuChanged(menu=_menu_body(menu)))
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await changed.wait()


def _menu_body(menu: Menu) -> MenuBody:
    return MenuBody(
        stores=tuple(MenuStore(s.code, s.name) for s in menu.stores if s.active),
        drinks=tuple(
            MenuDrink(d.code, d.name, money_text(d.price_cents, menu.places))
            for d in menu.drinks
            if d.active
        ),
        currency=menu.currency,
    )
