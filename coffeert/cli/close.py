"""`coffeert close`: close a business day, as a till's day is closed."""

from __future__ import annotations

import asyncio
from datetime import date

import click
import msgspec

from coffeert.cli.params import DayParam, server_token, server_url
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.wire.closings import Closing

_PATIENCE_SECONDS = 2.0


@click.command("close")
@click.argument("day", type=DayParam(), required=False)
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (the one that runs here). [env: COFFEERT_URL]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the closing as JSON.")
def command(day: date | None, url: str | None, as_json: bool) -> None:
    """Close a business day: a number, and its figures as they are now, kept for good.

    DAY is a date such as 2026-11-26; without it, the last day that has ended at every store. Again it
    changes nothing, unless something came late: then another closing corrects the one before.
    """
    config = load_config()
    client = OrderClient(
        server_url(config, url),
        server_token(config),
        patience=_PATIENCE_SECONDS,
        ca_file=config.ca_file,
    )
    closing, new = asyncio.run(_close(client, day))
    if as_json:
        click.echo(msgspec.json.encode(closing))
        return
    from coffeert.cli import closing_text

    if not new:
        click.echo("This day was closed before, and nothing has changed since.\n")
    click.echo(closing_text.full_text(closing), nl=False)


async def _close(client: OrderClient, day: date | None) -> tuple[Closing, bool]:
    async with client:
        return await client.close_day(day)
