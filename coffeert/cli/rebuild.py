"""`coffeert rebuild`: recompute the rollups from the orders."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from coffeert.cli.params import data_dir_option
from coffeert.cli.services import services
from coffeert.config import load_config
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.pool import close, connect
from coffeert.postgres.verification import Rebuilt, rebuild


@click.command()
@data_dir_option
def command(data_dir: Path | None) -> None:
    """Recompute all rollups from the orders, as after restoring a dump on another server.

    Orders may arrive meanwhile; the aggregator waits and then goes on.
    """
    with services(load_config(data_dir=data_dir), redis=False, existing=True) as running:
        result = asyncio.run(_rebuild(running.database_url))
    if result.adopted:
        click.echo(f"{result.adopted:,} orders came from another PostgreSQL cluster: adopted")
    click.echo(
        f"rebuilt {result.cells:,} cells from {result.orders:,} orders in {result.seconds:.1f} s"
    )


async def _rebuild(url: str) -> Rebuilt:
    connection = await connect(url, application_name="coffeert rebuild")
    try:
        await check_schema(connection)
        return await rebuild(connection)
    finally:
        await close(connection)
