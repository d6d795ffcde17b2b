"""`coffeert aggregate`: the aggregator alone. `coffeert serve` runs the same one beside its server."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import click

from coffeert.aggregator.aggregator import Aggregator
from coffeert.cli.params import data_dir_option, renamed_option
from coffeert.cli.services import Services, services
from coffeert.cli.signals import stop_on_signals
from coffeert.config import Config, load_config
from coffeert.errors import DatabaseUnavailable
from coffeert.logs import configure_logs
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.pool import close, connect
from coffeert.redis_bus.publisher import RedisPublisher
from coffeert.tasks import Tasks


@click.command()
@click.option("--aggregation-interval", help="Time between passes, such as 500ms or 1s (1s).")
@renamed_option("--interval", "--aggregation-interval")
@click.option("--timezone", help="Zone of a new database's default calendar (UTC).")
@data_dir_option
def command(**flags: object) -> None:
    """Aggregate until stopped, or stand by while another aggregator leads. Stop with Ctrl-C."""
    config = load_config(**flags)
    configure_logs(config.log_level, config.log_format)
    with services(config, long_running=True) as found:
        asyncio.run(_aggregate(config, found))


@asynccontextmanager
async def running_aggregator(
    config: Config, found: Services, *, on_tick: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """Keep an aggregator running, named after the machine and the process; `on_tick` as it takes it."""
    publisher = RedisPublisher(found.redis_url)
    aggregator = Aggregator(
        found.database_url,
        publisher,
        interval=config.aggregation_interval,
        keep_minutes=timedelta(seconds=config.minute_retention),
        keep_ticks=timedelta(seconds=config.feed_retention),
        on_tick=on_tick,
        name=f"{socket.gethostname()}:{os.getpid()}",
    )
    tasks = Tasks()
    tasks.start("aggregator", aggregator.run)
    try:
        yield
    finally:
        await tasks.stop()
        await publisher.close()


async def _check_schema(url: str) -> None:
    connection = await connect(url, application_name="coffeert aggregator")
    try:
        await check_schema(connection)
    finally:
        await close(connection)


async def _aggregate(config: Config, found: Services) -> None:
    stop = stop_on_signals()
    with suppress(DatabaseUnavailable):  # then the aggregator waits for it
        await _check_schema(found.database_url)
    async with running_aggregator(config, found):
        await stop.wait()
