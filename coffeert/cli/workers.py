"""Several server processes on one port, each a `coffeert serve` of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import click
import structlog

from coffeert.cli.services import Services
from coffeert.config import Config
from coffeert.errors import ConfigError

log = structlog.get_logger(__name__)

_RESTART_DELAY = 1.0


def run_workers(config: Config, found: Services) -> None:
    """Run `config.workers` servers until SIGINT or SIGTERM; one that dies is started again.

    Raises `ConfigError` for port 0: each worker would take another one.
    """
    if config.port == 0:
        raise ConfigError("Several workers share one port: give it with --port.")
    asyncio.run(_supervise(config, found))


async def _supervise(config: Config, found: Services) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop_signal, stop.set)
    click.echo(f"coffeert starts {config.workers} workers on http://{config.host}:{config.port}")
    async with asyncio.TaskGroup() as group:
        for number in range(config.workers):
            group.create_task(_keep(number, config, found, stop))


async def _keep(number: int, config: Config, found: Services, stop: asyncio.Event) -> None:
    while not stop.is_set():
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "coffeert", "serve", "--reuse-port", env=_environment(config, found),
            start_new_session=True,
        )  # fmt: skip
        exited = asyncio.create_task(worker.wait())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({exited, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            if worker.returncode is None:
                worker.terminate()
            await exited
            return
        stopping.cancel()
        log.error("worker died", worker=number, exit_code=worker.returncode)
        await asyncio.sleep(_RESTART_DELAY)


def _environment(config: Config, found: Services) -> dict[str, str]:
    """Hand the settings on through the environment: secrets must not show in a process list."""
    settings = {
        "database_url": found.database_url,
        "redis_url": found.redis_url,
        "token": config.token.get_secret_value() if config.token else None,
        "workers": "1",
        "aggregator": str(config.aggregator).lower(),
        **{
            name: str(getattr(config, name))
            for name in (
                "host", "port", "interval", "live", "timezone", "pool_size", "batch_rows",
                "batch_writers", "queue_wait", "body_limit", "clients_limit", "frame_interval",
                "heartbeat", "slow_client_timeout", "log_level", "log_format",
            )
        },
    }  # fmt: skip
    return os.environ | {
        f"COFFEERT_{name.upper()}": value for name, value in settings.items() if value is not None
    }
