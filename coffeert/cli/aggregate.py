"""`coffeert aggregate`: the aggregator alone."""

from __future__ import annotations

import asyncio
import os
import socket

import click

from coffeert.aggregator.aggregator import Aggregator
from coffeert.cli.data_dir import data_dir_option
from coffeert.cli.services import Services, services
from coffeert.cli.stopping import stop_on_signals
from coffeert.config import Config, load_config
from coffeert.logs import configure_logs
from coffeert.redis.publisher import RedisPublisher
from coffeert.tasks import Tasks


@click.command()
@click.option("--interval", type=float, help="Seconds between passes (1).")
@click.option("--timezone", help='Zone whose midnight begins "today" (UTC).')
@data_dir_option
def command(**flags: object) -> None:
    """Aggregate until stopped, or stand by while another aggregator leads. Stop with Ctrl-C."""
    config = load_config(**flags)
    configure_logs(config.log_level, config.log_format)
    with services(config) as running:
        asyncio.run(_aggregate(config, running))


async def _aggregate(config: Config, running: Services) -> None:
    stop = stop_on_signals()
    publisher = RedisPublisher(running.redis_url)
    aggregator = Aggregator(
        running.database_url,
        publisher,
        interval=config.interval,
        zone=config.zone(),
        name=f"{socket.gethostname()}:{os.getpid()}",
    )
    tasks = Tasks()
    tasks.start("aggregator", aggregator.run)
    try:
        await stop.wait()
    finally:
        await tasks.stop()
        await publisher.close()
