"""`coffeert serve`: the server and, unless switched off, an aggregator beside it."""

from __future__ import annotations

import asyncio
import errno
import gc
from contextlib import AsyncExitStack

import click
import uvloop
from aiohttp import web

from coffeert.cli.aggregate import running_aggregator
from coffeert.cli.params import data_dir_option, renamed_option
from coffeert.cli.server_address import announced
from coffeert.cli.services import Services, services
from coffeert.cli.signals import stop_on_signals
from coffeert.cli.workers import address_lines, run_workers
from coffeert.config import Config, load_config
from coffeert.errors import ConfigError
from coffeert.logs import configure_logs
from coffeert.server.app import Server, open_server
from coffeert.server.http.connection_limiter import KEEPALIVE_SECONDS
from coffeert.server.http.listener import GuardedSite

_SHUTDOWN_SECONDS = 5.0
_LINGERING_SECONDS = 5.0
_BACKLOG = 4096


@click.command("serve")
@click.option("--host", help="Address to listen on; any but loopback needs COFFEERT_TOKEN.")
@click.option("--port", type=int, help="Port to listen on (8765); 0 takes a free one.")
@click.option("--workers", type=int, help="Server processes that share the port (1).")
@click.option(
    "--aggregator/--no-aggregator",
    "run_aggregator",
    default=None,
    help="Run an aggregator beside the server.",
)
@click.option("--aggregation-interval", help="Time between passes, such as 500ms or 1s (1s).")
@click.option("--live-updates", type=bool, help="Show orders before the next pass (on).")
@renamed_option("--interval", "--aggregation-interval")
@renamed_option("--live", "--live-updates")
@data_dir_option
@click.option("--timezone", help="Zone of a new database's default calendar (UTC).")
@click.option("--worker", is_flag=True, hidden=True, help="Share the port with other processes.")
@click.option("--attended", is_flag=True, hidden=True, help="End with standard input.")
def command(worker: bool, attended: bool, **flags: object) -> None:
    """Take orders, aggregate them, and push the figures to dashboards.

    PostgreSQL and Redis are those of COFFEERT_DATABASE_URL and COFFEERT_REDIS_URL; if one is not set, an
    embedded one is started. Stop with Ctrl-C.
    """
    config = load_config(**flags)
    configure_logs(config.log_level, config.log_format)
    with services(config, long_running=True) as found:
        if config.workers > 1:
            run_workers(config, found, attended=attended)
        else:
            _tune_garbage_collector()
            uvloop.run(serve(config, found, worker=worker, attended=attended))


def _tune_garbage_collector() -> None:
    """Exclude what is loaded from garbage collection, and collect the oldest generation rarely.

    With a thousand orders in flight a full collection would stop the event loop for a tenth of a second;
    a collection of the middle generation, after thousands of connections, for nearly as long unless it
    runs often. Reference counts free everything but cycles at once. All the same, what is kept for long
    must be few objects (docs/decisions/0060).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 5, 800)


async def serve(
    config: Config,
    found: Services,
    *,
    worker: bool = False,
    attended: bool = False,
    stop: asyncio.Event | None = None,
    started: asyncio.Future[str] | None = None,
    quiet: bool = False,
) -> None:
    """Run a server until SIGINT, SIGTERM or `stop`; `started` gets its URL.

    A `worker` shares its port; an `attended` server also ends when its standard input does, and so with
    its parent process. Raises `ConfigError` if it cannot listen on the address, and what `open_server`
    raises.
    """
    stop = stop or stop_on_signals(at_end_of_input=attended)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            open_server(config, found.database_url, found.redis_url)
        )
        if config.run_aggregator:
            await stack.enter_async_context(
                running_aggregator(config, found, on_tick=server.feed_source.look)
            )
        runner = web.AppRunner(
            server.application(),
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,  # see coffeert.server.http.decompression
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            lingering_time=_LINGERING_SECONDS,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = await _listen(runner, server, config, reuse_port=worker)
        url = _url(config, runner)
        if found.data_dir is not None:
            stack.enter_context(announced(found.data_dir, url))
        if started is not None:
            started.set_result(url)
        if not quiet:
            click.echo(f"coffeert serves {url}")
            if not worker:
                click.echo(address_lines(config.host, url))
        await stop.wait()
        # First stop listening, then answer the requests in flight, then end everything.
        server.health.closing = True
        await site.stop()
        await server.drain()


async def _listen(
    runner: web.AppRunner, server: Server, config: Config, *, reuse_port: bool
) -> web.BaseSite:
    site = GuardedSite(
        runner,
        server.connection_limiter,
        server.order_endpoint,
        config.host,
        config.port,
        backlog=_BACKLOG,
        reuse_port=reuse_port,
    )
    try:
        await site.start()
    except OSError as error:
        known = {errno.EADDRINUSE: "is in use", errno.EACCES: "needs more rights"}
        reason = known.get(error.errno or 0, "cannot be listened on")
        raise ConfigError(
            f"The address {config.host}:{config.port} {reason}; choose another with --port."
        ) from None
    return site


def _url(config: Config, runner: web.AppRunner) -> str:
    port = runner.addresses[0][1] if config.port == 0 else config.port
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"http://{host}:{port}"
