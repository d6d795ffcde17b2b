"""The menu as this server knows it, kept up with changes in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from coffeert.errors import DatabaseUnavailable
from coffeert.menu import Menu
from coffeert.order import text_from_cents
from coffeert.server.hub import Hub
from coffeert.wire.frames import MenuChanged
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore

log = structlog.get_logger(__name__)

_POLL_INTERVAL = 2.0


class MenuBoard:
    """Holds the present menu and tells dashboards of a new one."""

    def __init__(self, menu: Menu, load: Callable[[], Awaitable[Menu]], hub: Hub) -> None:
        self._menu = menu
        self._load = load
        self._hub = hub

    def menu(self) -> Menu:
        """Return the present menu."""
        return self._menu

    async def watch(self) -> None:
        """Look for a changed menu every few seconds, until cancelled.

        A query of a microsecond's work is simpler than a connection kept open to be notified on, and
        cannot miss a change.
        """
        while True:
            await asyncio.sleep(_POLL_INTERVAL)
            try:
                menu = await self._load()
            except DatabaseUnavailable:
                continue
            if menu != self._menu:
                self._menu = menu
                log.info("menu changed", stores=len(menu.stores), drinks=len(menu.drinks))
                await self._hub.beat(MenuChanged(menu=menu_body(menu)))


def menu_body(menu: Menu) -> MenuBody:
    """Put the active part of a menu into a body."""
    return MenuBody(
        stores=tuple(MenuStore(s.code, s.name) for s in menu.stores if s.active),
        drinks=tuple(
            MenuDrink(d.code, d.name, text_from_cents(d.price_cents))
            for d in menu.drinks
            if d.active
        ),
    )
