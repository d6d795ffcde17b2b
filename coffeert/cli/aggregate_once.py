"""`coffeert aggregate-once`: one pass, for cron."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import datetime, timedelta

import click
import msgspec

from coffeert.aggregator.aggregation_pass import CompletedPass
from coffeert.aggregator.aggregator import Aggregator
from coffeert.cli.params import data_dir_option
from coffeert.cli.services import Services, services
from coffeert.config import Config, load_config
from coffeert.redis_bus.publisher import RedisPublisher


class PassReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the pass did: it counted `rows` new orders and changed `cells` of the rollups."""

    number: int
    rows: int
    cells: int
    milliseconds: float
    data_time: datetime
    watermark: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--timezone", help="Zone of a new database's default calendar (UTC).")
@data_dir_option
def command(as_json: bool, **flags: object) -> None:
    """Count new orders and publish the result; safe beside a running aggregator."""
    config = load_config(**flags)
    with services(config) as running:
        passed = asyncio.run(_once(config, running))
    report = PassReport(
        number=passed.result.number,
        rows=passed.result.rows,
        cells=len(passed.result.cells),
        milliseconds=round(passed.milliseconds, 3),
        data_time=passed.result.data_time,
        watermark=str(passed.result.watermark),
    )
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        click.echo(
            f"pass {report.number}: {report.rows:,} new orders in {report.cells:,} cells, "
            f"{report.milliseconds:.1f} ms, watermark {report.watermark}"
        )


async def _once(config: Config, running: Services) -> CompletedPass:
    publisher = RedisPublisher(running.redis_url)
    aggregator = Aggregator(
        running.database_url,
        publisher,
        interval=config.aggregation_interval,
        keep_minutes=timedelta(seconds=config.minute_retention),
        name=f"{socket.gethostname()}:{os.getpid()}",
    )
    try:
        return await aggregator.once()
    finally:
        await publisher.close()
