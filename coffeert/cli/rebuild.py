"""`coffeert rebuild`: recompute the rollups from the orders."""

from __future__ import annotations

from pathlib import Path

import click

from coffeert.cli.database import with_database
from coffeert.cli.params import data_dir_option
from coffeert.postgres.verification import rebuild


@click.command()
@data_dir_option
def command(data_dir: Path | None) -> None:
    """Recompute all rollups from the orders, as after restoring a dump on another server.

    Orders may arrive and passes be made meanwhile. Ended early, it has changed nothing.
    """
    result = with_database(data_dir, "rebuild", rebuild, existing=True)
    if result.adopted:
        click.echo(f"{result.adopted:,} orders came from another PostgreSQL cluster: adopted")
    click.echo(
        f"rebuilt {result.cells:,} cells from {result.orders:,} orders in {result.seconds:.1f} s: "
        f"{result.corrected:,} differed, passes waited for {result.locked_seconds:.1f} s"
    )
