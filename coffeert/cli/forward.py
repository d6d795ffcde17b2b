"""`coffeert forward`: post the orders of this installation to another one."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

import click

from coffeert.backoff import Backoff
from coffeert.cancellation import end
from coffeert.cli.database import with_database
from coffeert.cli.params import data_dir_option
from coffeert.cli.services import services
from coffeert.cli.signals import stop_on_signals
from coffeert.client import OrderClient
from coffeert.client.url import parse_server_url
from coffeert.config import Config, load_config
from coffeert.domain.currency import places
from coffeert.errors import ApiError, ConfigError, DatabaseUnavailable, Unauthorized
from coffeert.forward.forwarder import Forwarder
from coffeert.forward.lines import LineSender
from coffeert.logs import configure_logs
from coffeert.postgres.feed import FeedTable
from coffeert.postgres.forwarding import (
    ForwardRefusal,
    ForwardState,
    ForwardTarget,
    load_refusals,
    load_targets,
)
from coffeert.postgres.installation import load_currency
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.pool import Connection, close, connect, open_pool
from coffeert.printable import printable
from coffeert.wire.orders import encode

TOKEN_VARIABLE = "COFFEERT_FORWARD_TOKEN"  # noqa: S105 (the name of one)
_PATIENCE_SECONDS = 10.0
_MAX_CONTENT = 10_000  # more than any order has


@click.command("forward")
@click.option("--to", "target", metavar="URL", help="The server of the other installation.")
@click.option("--list", "listed", is_flag=True, help="Say how far each target has come instead.")
@click.option("--refused", is_flag=True, help="List what targets have refused, with both contents.")
@click.option("--forget", metavar="URL", help="Delete a target, and what it has refused.")
@click.option("--json", "as_json", is_flag=True, help="Lists as JSON.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Of --refused."
)
@data_dir_option
def command(
    *,
    target: str | None,
    listed: bool,
    refused: bool,
    forget: str | None,
    as_json: bool,
    limit: int,
    data_dir: Path | None,
) -> None:
    """Post every order and void of this installation to another one, under the same ids, until stopped.

    Two installations that forward to each other both have every order. The other one's token, which may
    order, is in COFFEERT_FORWARD_TOKEN. How far it has come is kept in this installation's database.
    """
    if [target is not None, listed, refused, forget is not None].count(True) != 1:
        raise ConfigError("Choose one of --to, --list, --refused and --forget.")
    if forget is not None:
        _forget(data_dir, _normalized_url(forget))
        return
    if target is None:
        _print_lists(data_dir, listed=listed, as_json=as_json, limit=limit)
        return
    config = load_config(data_dir=data_dir)
    configure_logs(config.log_level, config.log_format)
    url = _normalized_url(target)
    with services(config, redis=False, long_running=True) as found:
        asyncio.run(_forward_until_stopped(config, found.database_url, url))


def _normalized_url(url: str) -> str:
    return str(parse_server_url(url)).rstrip("/")


async def _forward_until_stopped(config: Config, database_url: str, url: str) -> None:
    stop = stop_on_signals()
    forwarding = asyncio.create_task(
        forward_through_outages(config, database_url, url), name="forward"
    )
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({forwarding, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await end(stopping)
    if forwarding.done():
        forwarding.result()
    await end(forwarding)


async def forward_through_outages(config: Config, database_url: str, url: str) -> None:
    """Forward until cancelled; raises `ConfigError` for a token that is refused, and `ApiError`."""
    backoff = Backoff()
    while True:
        try:
            await _forward_once(config, database_url, url)
        except DatabaseUnavailable as error:
            click.echo(f"coffeert: {error}", err=True)
        except ApiError as error:
            if error.status != Unauthorized.status:
                raise
            raise ConfigError(
                f"{url} wants the token by which it takes orders in {TOKEN_VARIABLE}: {error}"
            ) from None
        await asyncio.sleep(backoff.next_delay())


async def _forward_once(config: Config, database_url: str, url: str) -> None:
    async with AsyncExitStack() as stack:
        connection = await connect(database_url, application_name="coffeert forward")
        stack.push_async_callback(close, connection)
        await check_schema(connection)
        pool = await open_pool(database_url, size=1, application_name="coffeert forward, feed")
        stack.push_async_callback(pool.close)
        client = await stack.enter_async_context(
            OrderClient(
                url,
                os.environ.get(TOKEN_VARIABLE),
                patience=_PATIENCE_SECONDS,
                ca_file=config.ca_file,
            )
        )
        currency = await load_currency(connection)
        state = ForwardState(connection, url)
        cursor = await state.begin()
        sender = LineSender(client, url, places(currency), currency)
        await Forwarder(FeedTable(pool), state, sender).run(cursor)


def _forget(data_dir: Path | None, url: str) -> None:
    async def forget(connection: Connection) -> bool:
        return await ForwardState(connection, url).forget()

    if not with_database(data_dir, "forward", forget, existing=True):
        raise ConfigError(
            f"Nothing was forwarded to {url}; `coffeert forward --list` says where to."
        )
    click.echo(
        f"{printable(url)} is forgotten. If you forward there again, it begins from the first order."
    )


def _print_lists(data_dir: Path | None, *, listed: bool, as_json: bool, limit: int) -> None:
    async def load(
        connection: Connection,
    ) -> tuple[list[ForwardTarget], list[ForwardRefusal]]:
        return await load_targets(connection), await load_refusals(connection, limit)

    targets, refusals = with_database(data_dir, "forward", load, existing=True)
    if as_json:
        click.echo(encode(targets if listed else refusals))
    elif listed:
        for target in targets:
            click.echo(_target_line(target))
    else:
        for refusal in refusals:
            click.echo(_refusal_lines(refusal))


def _target_line(target: ForwardTarget) -> str:
    return (
        f"{printable(target.url)}: {target.stored:,} stored, {target.replayed:,} there already, "
        f"{target.refused:,} refused, last moved {target.updated_at:%Y-%m-%d %H:%M:%S} UTC"
    )


def _refusal_lines(refusal: ForwardRefusal) -> str:
    lines = [
        f"{refusal.order_id} {printable(refusal.url)} ({refusal.status}): {printable(refusal.reason)}"
    ]
    lines.append(f"  ours   {printable(bytes(refusal.ours).decode(), _MAX_CONTENT)}")
    if refusal.theirs is not None:
        lines.append(f"  theirs {printable(bytes(refusal.theirs).decode(), _MAX_CONTENT)}")
    return "\n".join(lines)
