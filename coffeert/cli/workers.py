"""Several server processes on one port, each a `coffeert serve` of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import click
import structlog
from pydantic import SecretStr

from coffeert.cli.services import Services
from coffeert.cli.signals import stop_on_signals
from coffeert.config import ENV_PREFIX, Config
from coffeert.errors import ConfigError
from coffeert.net import network_address

log = structlog.get_logger(__name__)

_RESTART_DELAY_SECONDS = 1.0


def run_workers(config: Config, found: Services, *, attended: bool = False) -> None:
    """Run `config.workers` servers until SIGINT or SIGTERM; one that dies is started again.

    `attended`: also until standard input ends. Raises `ConfigError` for port 0, of which each worker would
    get another port.
    """
    if config.port == 0:
        raise ConfigError("Several workers share one port: give it with --port.")
    asyncio.run(_supervise(config, found, attended=attended))


async def _supervise(config: Config, found: Services, *, attended: bool) -> None:
    stop = stop_on_signals(at_end_of_input=attended)
    host = f"[{config.host}]" if ":" in config.host else config.host
    url = f"http://{host}:{config.port}"
    click.echo(f"coffeert starts {config.workers} workers on {url}")
    click.echo(address_lines(config.host, url))
    async with asyncio.TaskGroup() as group:
        for number in range(config.workers):
            group.create_task(_keep_running(number, config, found, stop))


async def _keep_running(number: int, config: Config, found: Services, stop: asyncio.Event) -> None:
    while not stop.is_set():
        worker = await asyncio.create_subprocess_exec(
            *worker_command(),
            stdin=asyncio.subprocess.PIPE,  # if this process is killed, its end stops the worker
            env=worker_environment(config, found),
            start_new_session=True,
        )
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
        await asyncio.sleep(_RESTART_DELAY_SECONDS)


def address_lines(host: str, url: str) -> str:
    """Return how to see the figures of a server that listens on `host`, for people."""
    page = f"{url}/"
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not listened on)
        page = f"http://{network_address() or 'localhost'}:{url.rsplit(':', 1)[1]}/"
    return f"  page      {page}\n  terminal  coffeert-tui --url {url}"


def worker_command() -> list[str]:
    """Return the command of one worker; its settings come from its environment."""
    return [sys.executable, "-m", "coffeert", "serve", "--worker", "--attended"]


def worker_environment(config: Config, found: Services) -> dict[str, str]:
    """Return the environment that gives a worker all settings; flags would show secrets in `ps`."""
    settings = {name: getattr(config, name) for name in Config.model_fields}
    settings |= {"database_url": found.database_url, "redis_url": found.redis_url, "workers": 1}
    del settings["data_dir"]
    return os.environ | {
        ENV_PREFIX + name.upper(): _text(value)
        for name, value in settings.items()
        if value is not None
    }


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, str) else json.dumps(value)
