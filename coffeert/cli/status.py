"""`coffeert status`: the dashboard once, as text or JSON."""

from __future__ import annotations

import asyncio
from datetime import datetime, tzinfo

import click
import msgspec

from coffeert.cli.figures import Figures, figures_from
from coffeert.cli.params import server_token, server_url, zone_named
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.errors import ConfigError

_PATIENCE_SECONDS = 2.0


@click.command("status")
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (http://127.0.0.1:8765). [env: COFFEERT_URL]"
)
@click.option("--at", help="As it was at this time, such as 2026-01-31T22:00:00+01:00.")
@click.option(
    "--timezone",
    help="IANA zone in which times are shown and --at is read; else the server's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="RULE",
    help="Answer a rule, such as 'orders_per_min > 100 for 60s', by exit code: "
    "0 if all hold, 8 if one does not.",
)
def command(
    url: str | None, at: str | None, timezone: str | None, as_json: bool, checks: tuple[str, ...]
) -> int:
    """Show the dashboard once: orders and revenue by window, store and drink, and health.

    With --at the figures are those of that moment: "today" is that day until then.
    """
    config = load_config()
    zone = zone_named(timezone)
    moment = None if at is None else _moment(at, zone)
    client = OrderClient(server_url(config, url), server_token(config), patience=_PATIENCE_SECONDS)
    if checks:
        if moment is not None or as_json:
            raise ConfigError(
                "--check works on current figures and prints lines, so without --at and --json."
            )
        return _check(client, checks)
    figures = asyncio.run(_figures(client, moment))
    if as_json:
        click.echo(msgspec.json.encode(figures))
        return 0
    from coffeert.cli.status_text import print_figures

    print_figures(figures, zone or (moment and moment.tzinfo) or config.zone())
    return 0


def _check(client: OrderClient, checks: tuple[str, ...]) -> int:
    from coffeert.alert_rules import parse_rule
    from coffeert.cli.check import NOT_MET, check

    results = asyncio.run(check(client, [parse_rule(text) for text in checks]))
    for result in results:
        click.echo(result.text())
    return 0 if all(result.holds for result in results) else NOT_MET


async def _figures(client: OrderClient, moment: datetime | None) -> Figures:
    async with client:
        return figures_from(await client.dashboard(moment))


def _moment(text: str, zone: tzinfo | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    if moment is None or moment.tzinfo is None:
        raise ConfigError(
            "--at takes a time with an offset, such as 2026-01-31T22:00:00+01:00, "
            "or one without and --timezone."
        )
    return moment
