"""`coffeert closings`: the days that were closed, and what changed them since."""

from __future__ import annotations

import asyncio

import click
import msgspec

from coffeert.cli.params import server_token, server_url
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.wire.closings import MAX_LIMIT, Closing, ClosingList

_PATIENCE_SECONDS = 2.0


@click.command("closings")
@click.argument("number", type=click.IntRange(1), required=False)
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (the one that runs here). [env: COFFEERT_URL]"
)
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    default=31,
    show_default=True,
    help="The last so many.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(number: int | None, url: str | None, limit: int, as_csv: bool, as_json: bool) -> None:
    """List the closings of business days, or show the one of a NUMBER in full.

    A day that something changed after it was closed says so, and what: orders that came late, voids,
    refunds, imports. `coffeert close` closes a day, and one that has changed again.
    """
    if as_csv and as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    config = load_config()
    client = OrderClient(
        server_url(config, url),
        server_token(config),
        patience=_PATIENCE_SECONDS,
        ca_file=config.ca_file,
    )
    found = asyncio.run(_ask(client, number, limit))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    from coffeert.cli import closing_text

    if isinstance(found, Closing):
        text = closing_text.lines_csv(found) if as_csv else closing_text.full_text(found)
    else:
        text = closing_text.list_csv(found) if as_csv else closing_text.list_text(found)
    click.echo(text, nl=False)


async def _ask(client: OrderClient, number: int | None, limit: int) -> Closing | ClosingList:
    async with client:
        return await (client.closings(limit=limit) if number is None else client.closing(number))
