"""The dashboard as plain lines, for logs and pipes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import click

from coffeert.client import Beat, Connected, DashboardFeed, Disconnected, ViewChanged, ViewReset
from coffeert.domain.currency import places
from coffeert.domain.orders import Order
from coffeert.domain.rollup_cube import WindowTotals
from coffeert.printable import printable
from coffeert.tui.render.format import money
from coffeert.wire.orders import MenuBody

_LINE_INTERVAL_SECONDS = 1.0


async def watch(url: str, token: str | None = None) -> None:
    """Print a line a second until cancelled, and the zone of its times once."""
    totals: WindowTotals | None = None  # the view may be ahead of the events
    zone: tzinfo | None = None
    printed = 0.0
    async with DashboardFeed(url, token) as feed:
        async for event in feed.events():
            match event:
                case ViewReset() | ViewChanged():
                    totals = event.totals
                case Disconnected():
                    click.echo(f"not connected: the server {event.reason}")
                    continue
                case Connected() if zone is None:
                    zone = _zone(event.hello.timezone)
                    click.echo(f"all times are those of {zone}")
                case Beat():
                    pass
                case _:
                    continue
            now = time.monotonic()
            if now - printed >= _LINE_INTERVAL_SECONDS and totals is not None:
                printed = now
                click.echo(_line(feed, totals, zone or UTC))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):
        return UTC


def _line(feed: DashboardFeed, totals: WindowTotals, zone: tzinfo) -> str:
    assert feed.view is not None
    now = datetime.now(zone)
    decimals = places(None if feed.menu is None else feed.menu.currency)
    last = f"  last {_words(feed.view.recent[0], feed.menu)}" if feed.view.recent else ""
    return (
        f"{now:%H:%M:%S}  today {totals.today.orders:,} orders "
        f"{money(totals.today.cents, decimals)}  last hour {totals.minute.orders:,} orders "
        f"{money(totals.minute.cents, decimals)}  30 days {totals.day.orders:,} orders "
        f"{money(totals.day.cents, decimals)}{last}"
    )


def _words(order: Order, menu: MenuBody | None) -> str:
    stores = {} if menu is None else {store.code: store.name for store in menu.stores}
    drinks = {} if menu is None else {drink.code: drink.name for drink in menu.drinks}
    drink = printable(drinks.get(order.drink) or order.drink, 40)
    return f"{order.quantity} {drink} at {printable(stores.get(order.store) or order.store, 40)}"
