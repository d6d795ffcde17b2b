"""The dashboard as plain lines, for logs and pipes."""

from __future__ import annotations

import time

import click

from coffeert.client import Beat, DashboardFeed, Disconnected, ViewChanged, ViewReset
from coffeert.domain.currency import places
from coffeert.domain.money import money_text
from coffeert.domain.rollup_cube import WindowTotals

_LINE_INTERVAL_SECONDS = 1.0


async def watch(url: str, token: str | None = None) -> None:
    """Print a line a second until cancelled."""
    totals = WindowTotals()
    printed = 0.0
    async with DashboardFeed(url, token) as feed:
        async for event in feed.events():
            match event:
                case ViewReset() | ViewChanged():
                    totals = event.totals
                case Disconnected():
                    click.echo(f"disconnected: {event.reason}")
                    continue
                case Beat():
                    pass
                case _:
                    continue
            now = time.monotonic()
            if now - printed >= _LINE_INTERVAL_SECONDS and feed.view is not None:
                printed = now
                click.echo(_line(feed, totals))


def _line(feed: DashboardFeed, totals: WindowTotals) -> str:
    assert feed.view is not None
    now = time.strftime("%H:%M:%S")
    rate = feed.health.intake.orders_per_s if feed.health else 0.0
    latest = feed.view.recent[0] if feed.view.recent else None
    decimals = places(None if feed.menu is None else feed.menu.currency)
    last = f"  last {latest.quantity} x {latest.drink} at {latest.store}" if latest else ""
    return (
        f"{now}  {rate:.1f}/s  hour {totals.minute.orders:,} orders "
        f"{money_text(totals.minute.cents, decimals)}  today {totals.today.orders:,}  "
        f"30 days {totals.day.orders:,} orders {money_text(totals.day.cents, decimals)}{last}"
    )
