"""`coffeert migrate`: bring the database's schema up to date."""

from __future__ import annotations

import asyncio

import click

from coffeert.cli.services import services
from coffeert.config import load_config
from coffeert.postgres.migrations import migrate


@click.command()
def command() -> None:
    """Bring the database's schema up to date; safe to run again and by several at once."""
    with services(load_config(), redis=False) as running:
        applied = asyncio.run(migrate(running.database_url))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the schema is up to date")
