"""`coffeert demo`: a server on embedded databases, a month of sales, live ones, and the dashboard.

Server and dashboard are `coffeert` commands in processes of their own, as in production.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from coffeert.cli.demo_data import HISTORY_DAYS, DemoData, demo_data
from coffeert.cli.demo_faults import Breaker
from coffeert.cli.demo_sales import Tills, open_tills
from coffeert.cli.demo_screen import run_dashboard
from coffeert.cli.demo_server import DemoServer
from coffeert.cli.params import DurationParam, PlaceParam, RateParam
from coffeert.cli.plain_lines import watch
from coffeert.cli.server_address import DEMO_DIRECTORY
from coffeert.cli.signals import stop_on_signals
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.embedded import DataDirectory, default_path
from coffeert.inject.shop_habits import SHOPS

T = TypeVar("T")

_POLL_SECONDS = 0.3


class Stopped(Exception):
    """The demonstration was asked to end."""


@click.command("demo")
@click.option("--headless", is_flag=True, help="Plain lines even on a terminal.")
@click.option("--duration", type=DurationParam(), help="End by itself, after for example 30s.")
@click.option(
    "--rate", type=RateParam(), help="Orders per second in addition to what the shops usually sell."
)
@click.option("--port", type=int, help="Port of the server (8765); another one if it is taken.")
@click.option("--data-dir", type=PlaceParam(), help="Where the demo keeps its data.")
@click.option("--reset", is_flag=True, help="Remove the demo's data first, and begin again.")
def command(
    headless: bool,
    duration: float | None,
    rate: float | None,
    port: int | None,
    data_dir: Path | None,
    reset: bool,
) -> None:
    """Show everything at once: a server, a month of sales in four shops, live orders, the dashboard.

    It keeps its data apart from yours: in a directory `demo` inside the data directory. The shops are in
    a time zone where they are busy now. Press q, or Ctrl-C, to end it; no process stays behind.
    """
    config = load_config(port=port)
    directory = data_dir or (config.data_dir or default_path()) / DEMO_DIRECTORY
    on_screen = not headless and all(s.isatty() for s in (sys.stdin, sys.stdout, sys.stderr))
    directory = directory.expanduser().absolute()
    with demo_data(directory, config.timezone, reset=reset, is_default=data_dir is None) as data:
        asyncio.run(_demo(data, config.port, on_screen=on_screen, duration=duration, rate=rate))


async def _demo(
    data: DemoData, port: int, *, on_screen: bool, duration: float | None, rate: float | None
) -> None:
    stop = stop_on_signals()
    with suppress(Stopped):
        async with AsyncExitStack() as stack:
            directory = DataDirectory.at(data.directory)
            server = DemoServer(data.directory, port, directory.log("demo.log"))
            await _unless(stop, _open(data, stack, server))
            if server.took_other_port:
                click.echo(f"Port {port} is taken by another program.")
            tills = await stack.enter_async_context(open_tills(server.url))
            click.echo(f"Live at {server.url}; its data are in {data.directory}.")
            breaker = Breaker(directory, data.services.database_url, server, tills)
            shown = run_dashboard(server.url, breaker) if on_screen else watch(server.url)
            async with _running(server.keep_running(), _sales(data, tills, rate)) as failed:
                await _unless(stop, _show(shown, failed, duration))


async def _open(data: DemoData, stack: AsyncExitStack, server: DemoServer) -> None:
    """Start the server; it starts while the history is stored, and is to show all of it at once."""
    new = data.is_new
    if new:
        click.echo(_shops(data))
        await data.prepare()
        _, stored = await asyncio.gather(stack.enter_async_context(server), data.fill())
        click.echo(f"{stored:,} past orders are stored.")
    else:
        await stack.enter_async_context(server)
    async with OrderClient(server.url) as client:
        if not new and (missed := await data.catch_up(client)):
            click.echo(f"Sold meanwhile: {missed:,} orders.")
        while not (await client.dashboard()).view.totals.day.orders:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(_POLL_SECONDS)


def _shops(data: DemoData) -> str:
    here = datetime.now(UTC).astimezone(data.zone)
    return (
        f"{len(SHOPS)} shops in {data.record.zone}, where it is {here:%A, %H:%M}: "
        f"making {HISTORY_DAYS} days of history ..."
    )


async def _sales(data: DemoData, tills: Tills, rate: float | None) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tills.sell(data.sales()))
        if rate is not None:
            tasks.create_task(tills.rush(rate))


@asynccontextmanager
async def _running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[Any]]:
    """Run work beside the block; gives a task that ends, with its error, as soon as any of it fails."""

    async def run() -> None:
        await asyncio.gather(*work)

    running = asyncio.create_task(run(), name="demo")
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _show(
    shown: Coroutine[Any, Any, None], failed: asyncio.Task[Any], duration: float | None
) -> None:
    """Show the dashboard until it is left, the time is over or something has failed."""
    dashboard = asyncio.create_task(shown, name="dashboard")
    try:
        await asyncio.wait(
            {dashboard, failed}, timeout=duration, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        if not dashboard.done():
            dashboard.cancel()
        await asyncio.gather(dashboard, return_exceptions=True)
    for task in (failed, dashboard):
        if task.done() and not task.cancelled():
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
