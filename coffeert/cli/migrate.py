"""`coffeert migrate`: bring the database's schema up to date."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from coffeert.cli.params import data_dir_option
from coffeert.cli.services import services
from coffeert.config import load_config
from coffeert.postgres.migrations import migrate
from coffeert.postgres.roles import grant_feed, grant_serving


@click.command()
@click.option(
    "--serving-role",
    metavar="ROLE",
    help="Then let ROLE serve and aggregate: it may add orders, not change or delete them.",
)
@click.option(
    "--feed-role",
    metavar="ROLE",
    help="Then let ROLE read the change feed in SQL, here or on a standby.",
)
@click.option(
    "--timezone", help="Zone of the stores that get no other, if the database is new (UTC)."
)
@data_dir_option
def command(
    serving_role: str | None, feed_role: str | None, timezone: str | None, data_dir: Path | None
) -> None:
    """Bring the database's schema up to date; safe to run again and by several at once."""
    config = load_config(data_dir=data_dir, timezone=timezone)
    with services(config, redis=False) as running:
        applied = asyncio.run(migrate(running.database_url, timezone=config.timezone))
        if serving_role is not None:
            asyncio.run(grant_serving(running.database_url, serving_role))
        if feed_role is not None:
            asyncio.run(grant_feed(running.database_url, feed_role))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the schema is up to date")
    if serving_role is not None:
        click.echo(f"{serving_role} may serve and aggregate, and not change or delete orders")
    if feed_role is not None:
        click.echo(f"{feed_role} may read the feed")
