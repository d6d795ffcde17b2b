"""`coffeert status`: the dashboard once, as text or JSON."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

import click
import msgspec

from coffeert.cli.figures import StatusFigures, figures_from
from coffeert.cli.params import server_token, server_url, zone_named
from coffeert.client import Connected, DashboardFeed, Disconnected, OrderClient
from coffeert.config import load_config
from coffeert.errors import ConfigError

_PATIENCE_SECONDS = 2.0


@click.command("status")
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (the one that runs here). [env: COFFEERT_URL]"
)
@click.option(
    "--at",
    help="As it was at this time, such as 2026-01-31T22:00:00+01:00, or at the end of this business day, "
    "such as 2026-01-31.",
)
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
    """Show the dashboard once: orders and takings by window, store and drink, and health.

    With --at the figures are those of that moment: "today" is that business day until then. A time without
    an offset is in the zone of --timezone, or else of the server.
    """
    config = load_config()
    zone = zone_named(timezone)
    moment = None if at is None else _moment(at, zone)
    server, token = server_url(config, url), server_token(config)
    client = OrderClient(server, token, patience=_PATIENCE_SECONDS, ca_file=config.ca_file)
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

    print_figures(figures, zone or _zone_of(moment) or ZoneInfo(figures.days[0].timezone))
    feed = DashboardFeed(server, token, retry=False, ca_file=config.ca_file)
    if moment is None and (reason := asyncio.run(_why_not_live(feed))):
        click.echo(f"Dashboards cannot follow this server: it {reason}.", err=True)
    return 0


def _check(client: OrderClient, checks: tuple[str, ...]) -> int:
    from coffeert.alert_rules import parse_rule
    from coffeert.cli.check import NOT_MET, check

    results = asyncio.run(check(client, [parse_rule(text) for text in checks]))
    for result in results:
        click.echo(result.text())
    return 0 if all(result.holds for result in results) else NOT_MET


def _zone_of(moment: datetime | date | None) -> tzinfo | None:
    return moment.tzinfo if isinstance(moment, datetime) else None


async def _why_not_live(feed: DashboardFeed) -> str:
    """Return why no WebSocket to a server can be opened that answers HTTP; empty if one can."""
    async with feed:
        async for event in feed.events():
            if isinstance(event, Connected):
                return ""
            if isinstance(event, Disconnected):
                return event.reason
    return ""


async def _figures(client: OrderClient, moment: datetime | date | None) -> StatusFigures:
    async with client:
        return figures_from(await client.dashboard(moment))


def _moment(text: str, zone: tzinfo | None) -> datetime | date:
    """Read a time, in `zone` if it has no offset and one is given, or a day."""
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            "--at takes a time such as 2026-01-31T22:00:00+01:00, or a day such as 2026-01-31."
        ) from None
    return moment if moment.tzinfo is not None or zone is None else moment.replace(tzinfo=zone)
