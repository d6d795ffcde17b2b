"""`coffeert orders`: the orders that match, as a table, JSON or CSV."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click

from coffeert.cli.params import server_token, server_url, zone_named
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.domain.currency import amount_text, places
from coffeert.domain.money import price_units
from coffeert.domain.order_query import OrderQuery
from coffeert.errors import ConfigError
from coffeert.printable import printable
from coffeert.wire.order_pages import MAX_LIMIT, ListedOrder, OrderList
from coffeert.wire.orders import encode

_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersOptions:
    """What the command line asks for."""

    store: tuple[str, ...]
    drink: tuple[str, ...]
    source: tuple[str, ...]
    receipt: str | None
    import_number: int | None
    first: str | None
    last: str | None
    min_price: str | None
    max_price: str | None
    limit: int

    def query(self, decimals: int) -> OrderQuery:
        """Return what the server is asked for; raises `ConfigError`."""
        return OrderQuery(
            stores=self.store,
            drinks=self.drink,
            sources=self.source,
            receipt=self.receipt,
            import_number=self.import_number,
            first=_moment("--from", self.first),
            last=_moment("--to", self.last),
            min_price=_price("--min-price", self.min_price, decimals),
            max_price=_price("--max-price", self.max_price, decimals),
        )


@click.command("orders")
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (the one that runs here). [env: COFFEERT_URL]"
)
@click.option("--store", multiple=True, help="Only this store, by code or name; may be repeated.")
@click.option("--drink", multiple=True, help="Only this drink, likewise.")
@click.option("--source", multiple=True, help="Only this till or channel; may be repeated.")
@click.option("--receipt", help="Only the receipt of this number.")
@click.option(
    "--import", "import_number", type=click.IntRange(1), help="Only what an import stored."
)
@click.option(
    "--from", "first", help="From this business day or time on: 2026-11-26, 2026-11-26T14:00."
)
@click.option("--to", "last", help="To the end of this business day, or before this time.")
@click.option("--min-price", help="The lowest price of one piece.")
@click.option("--max-price", help="The highest price of one piece.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many."
)
@click.option("--timezone", help="IANA zone in which times are shown; else the server's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all that match, voids too, as CSV.")
def command(
    *, url: str | None, timezone: str | None, as_json: bool, as_csv: bool, **values: Any
) -> None:
    """List orders, newest first.

    `coffeert orders --csv > orders.csv` writes all of them, and `coffeert import` reads that file.
    """
    if as_json and as_csv:
        raise ConfigError("Choose --json or --csv.")
    config, options = load_config(), OrdersOptions(**values)
    zone = zone_named(timezone)
    client = OrderClient(
        server_url(config, url),
        server_token(config),
        patience=_PATIENCE_SECONDS,
        ca_file=config.ca_file,
    )
    if as_csv:
        asyncio.run(_print_csv(client, options))
        return
    found, currency, own_zone = asyncio.run(_load(client, options))
    if as_json:
        click.echo(encode(found))
        return
    for text in _lines(found, currency, zone or own_zone):
        click.echo(text)


async def _print_csv(client: OrderClient, options: OrdersOptions) -> None:
    async with client:
        wanted = options.query(places((await client.menu()).currency))
        async for piece in client.orders_csv(wanted):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


async def _load(
    client: OrderClient, options: OrdersOptions
) -> tuple[OrderList, str | None, tzinfo]:
    async with client:
        currency = (await client.menu()).currency
        wanted = options.query(places(currency))
        page = await client.orders(wanted, limit=min(options.limit, MAX_LIMIT))
        total, orders = page.total, list(page.orders)
        while page.next is not None and len(orders) < options.limit:
            left = options.limit - len(orders)
            page = await client.orders(wanted, before=page.next, limit=min(left, MAX_LIMIT))
            orders += page.orders
        zone = (await client.dashboard()).view.days[0].zone
    return OrderList(tuple(orders), page.next, total), currency, ZoneInfo(zone)


def _lines(found: OrderList, currency: str | None, zone: tzinfo) -> list[str]:
    lines = [_line(order, currency, zone) for order in found.orders]
    shown, total = f"{len(lines):,}", found.total
    if total is None:
        lines.append(f"{shown} orders{', and more' if found.next else ''}")
    elif found.next is None:
        lines.append(f"{shown} orders")
    else:
        lines.append(f"{shown} of {total:,} orders; --limit shows more, --csv all")
    return lines


def _line(body: ListedOrder, currency: str | None, zone: tzinfo) -> str:
    order = body.order()
    text = (
        f"{order.placed_at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {printable(order.drink):<18} "
        f"{printable(order.store):<14} {order.quantity:>4}  {amount_text(order.total_cents, currency):>12}"
    )
    notes = [f"receipt {printable(order.receipt)}"] if order.receipt else []
    if body.voided_at is not None:
        notes.append(f"void since {body.voided_at.astimezone(zone):%Y-%m-%d %H:%M:%S}")
    return f"{text}  {', '.join(notes)}".rstrip()


def _price(option: str, text: str | None, decimals: int) -> int | None:
    try:
        return None if text is None else price_units(text, decimals)
    except ValueError as error:
        raise ConfigError(f"{option} {error}.") from None


def _moment(option: str, text: str | None) -> datetime | date | None:
    try:
        if text is None:
            return None
        # A time without an offset is left so: the server reads it in its own zone.
        is_day = len(text) == len("2026-11-26")
        return date.fromisoformat(text) if is_day else datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} takes a day such as 2026-11-26, or a time such as 2026-11-26T14:00."
        ) from None
