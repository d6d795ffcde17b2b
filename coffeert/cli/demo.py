"""`coffeert demo`: a server on embedded databases, weeks of history, live orders, and the dashboard.

Each part is a `coffeert` command in a process of its own, as in production.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click

from coffeert.cli.params import DurationParam, RateParam
from coffeert.cli.plain_lines import watch
from coffeert.cli.services import report_account
from coffeert.cli.signals import stop_on_signals
from coffeert.client import OrderClient
from coffeert.config import Config, load_config
from coffeert.domain.orders import Draft
from coffeert.embedded import DataDirectory, default_path
from coffeert.errors import CoffeertError
from coffeert.inject import profiles_named
from coffeert.inject.history import past_orders, recent_orders

T = TypeVar("T")

HISTORY_DAYS = 30
ORDERS_A_DAY = 2000
RECENT_MINUTES = 150  # before now, at the rate of the live orders
_READY = b" serves "
_HISTORY_MARKER = "history-loaded"
_START_TIMEOUT_SECONDS = 30.0
_STOP_TIMEOUT_SECONDS = 15.0


class DemoFailed(CoffeertError):
    """A part of the demonstration did not start, or ended by itself."""


class Stopped(Exception):
    """The demonstration was asked to end."""


@click.command("demo")
@click.option("--headless", is_flag=True, help="Plain lines even on a terminal.")
@click.option("--duration", type=DurationParam(), help="End by itself, after for example 30s.")
@click.option(
    "--rate", type=RateParam(), default=2.0, show_default=True, help="Live orders per second."
)
@click.option("--profile", default="steady", show_default=True, help="The live orders' profile.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where the demo keeps its data.")
def command(
    headless: bool, duration: float | None, rate: float, profile: str, data_dir: Path | None
) -> None:
    """Show everything at once: a server, a month of history, live orders, the dashboard.

    It keeps its data apart from yours: in a directory `demo` inside the data directory. Press q, or
    Ctrl-C, to end it; no process stays behind.
    """
    profiles_named(profile)  # before anything is started
    data_dir = data_dir or (load_config().data_dir or default_path()) / "demo"
    config = load_config(data_dir=data_dir.expanduser().absolute())
    on_screen = not headless and all(s.isatty() for s in (sys.stdin, sys.stdout, sys.stderr))
    asyncio.run(_demo(config, on_screen=on_screen, duration=duration, rate=rate, profile=profile))


async def _demo(
    config: Config, *, on_screen: bool, duration: float | None, rate: float, profile: str
) -> None:
    stop = stop_on_signals()
    assert config.data_dir is not None
    log = _log_file(config.data_dir)
    with suppress(Stopped):
        async with AsyncExitStack() as stack:
            click.echo("Starting PostgreSQL, Valkey and the server ...")
            place = ("--data-dir", str(config.data_dir), "--timezone", config.timezone)
            serve = _process(log, "serve", "--port", "0", *place)
            server = await stack.enter_async_context(serve)
            url = await _unless(stop, _url(server, log))
            await _unless(stop, _fill_history(url, log.with_name(_HISTORY_MARKER), rate))
            orders = ("--rate", str(rate), "--profile", profile)
            inject = _process(log, "inject", "--url", url, *orders)
            await stack.enter_async_context(inject)
            click.echo(f"Live at {url}; its data are in {config.data_dir}.")
            shown = _run_dashboard(url) if on_screen else watch(url)
            await _unless(stop, _show(shown, server, duration))
            if server.returncode is not None:
                raise DemoFailed(f"The server ended by itself; its log is {log}.")


async def _show(
    shown: Coroutine[Any, Any, None], server: asyncio.subprocess.Process, duration: float | None
) -> None:
    tasks = {
        asyncio.create_task(shown, name="dashboard"),
        asyncio.create_task(server.wait(), name="server"),
    }
    try:
        done, _ = await asyncio.wait(tasks, timeout=duration, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Do some work, and break it off when the demo is to stop; raises `Stopped` then."""
    task = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finished = task.done()
    for each in (task, stopping):
        each.cancel()
    await asyncio.gather(task, stopping, return_exceptions=True)
    if not finished:
        raise Stopped
    return task.result()


async def _url(server: asyncio.subprocess.Process, log: Path) -> str:
    """Return the URL once the server serves."""
    assert server.stdout is not None
    line = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_TIMEOUT_SECONDS):
            line = await server.stdout.readline()
    if _READY not in line:
        raise DemoFailed(f"The server did not start; its log is {log}.")
    return line.split(_READY)[1].split()[0].decode()


@asynccontextmanager
async def _process(log: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a `coffeert` command until the block is left, its errors going to a log."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "coffeert",
            *arguments,
            "--attended",
            # If this process is killed, the end of its input ends the child.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            # Generated orders must not reach the databases of the user's own settings.
            env={k: v for k, v in os.environ.items() if not k.startswith("COFFEERT_")},
            cwd=log.parent,
            # Ctrl-C goes to this process alone, which stops the others in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_SECONDS):
                    await process.communicate()
            except TimeoutError:
                process.kill()
                await process.communicate()


async def _run_dashboard(url: str) -> None:
    dashboard = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coffeert", "tui", "--forget", "--url", url
    )
    try:
        await dashboard.wait()
    finally:
        if dashboard.returncode is None:
            dashboard.terminate()
            await dashboard.wait()


async def _fill_history(url: str, marker: Path, rate: float) -> None:
    """Load the history once per data directory.

    If loading was interrupted, it starts over, which is safe: the same orders have the same keys.
    """
    if await asyncio.to_thread(marker.exists):
        return
    async with OrderClient(url) as client:
        click.echo(f"Loading {HISTORY_DAYS} days of history ...")
        menu, now = await client.menu(), datetime.now().astimezone()
        past = past_orders(menu, until=now, days=HISTORY_DAYS, orders_a_day=ORDERS_A_DAY)
        # At most what the server stores in a second or two, at any rate.
        per_minute = min(60 * rate, 600)
        recent = recent_orders(menu, until=now, minutes=RECENT_MINUTES, orders_a_minute=per_minute)

        async def lines() -> AsyncIterator[Draft]:
            for draft in chain(past, recent):
                yield draft

        result = await client.batch(lines())
        await asyncio.to_thread(marker.touch)
        click.echo(f"{result.accepted:,} past orders are stored.")


def _log_file(data_dir: Path) -> Path:
    try:
        directory = DataDirectory.at(data_dir)
        log = directory.log("demo.log")
        log.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise DemoFailed(f"{data_dir} cannot hold the demo's data: {error.strerror}.") from None
    if directory.account.drops:  # the server says so too, but to its log
        report_account(directory.account.name)
    return log
