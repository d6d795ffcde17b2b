"""`coffeert feed`: every order, in the order of the change feed, as lines of JSON."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from coffeert.cli.cursor_file import CursorFile
from coffeert.cli.params import server_token, server_url
from coffeert.cli.signals import stop_on_signals
from coffeert.client.change_feed import Feed, FeedBatch
from coffeert.config import load_config
from coffeert.tasks import end
from coffeert.wire.orders import encode


@click.command("feed")
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (the one that runs here). [env: COFFEERT_URL]"
)
@click.option(
    "--after", help="Begin behind this cursor or id of an event, at a time, beginning, or now."
)
@click.option("--follow", is_flag=True, help="Go on with what comes, until stopped.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the cursor in this file: the next run goes on where this one ended.",
)
@click.option("--store", multiple=True, help="Only this store, by code or name; may be repeated.")
@click.option("--drink", multiple=True, help="Only this drink, likewise.")
@click.option("--part", help="One of several shares of the stores: 3/8 is the third of eight.")
def command(
    *,
    url: str | None,
    after: str | None,
    follow: bool,
    state: Path | None,
    store: tuple[str, ...],
    drink: tuple[str, ...],
    part: str | None,
) -> None:
    """Print every order and void as a CloudEvent, one a line, in the order that all readers share.

    The cursor is written after the lines: a run that was killed may repeat the last of them, and
    leaves none out.
    """
    kept = None if state is None else CursorFile(state)
    if kept is not None and after is None:
        after = kept.read()
    config = load_config()
    feed = Feed(
        server_url(config, url),
        server_token(config),
        after=after or "beginning",
        stores=store,
        drinks=drink,
        part=part,
        follow=follow,
        ca_file=config.ca_file,
    )
    asyncio.run(_print_until_stopped(feed, kept))


async def _print_until_stopped(feed: Feed, kept: CursorFile | None) -> None:
    stop = stop_on_signals()
    printing = asyncio.create_task(_print(feed, kept), name="feed")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({printing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await end(stopping)
    if printing.done():
        printing.result()
    await end(printing)


async def _print(feed: Feed, kept: CursorFile | None) -> None:
    async for batch in feed:
        _write(batch)
        if kept is not None:
            kept.write(batch.cursor)


def _write(batch: FeedBatch) -> None:
    """Write the lines; returns when they are with the reader, or on disk."""
    output = sys.stdout.buffer
    output.write(b"".join(b"%b\n" % encode(event) for event in batch.events))
    output.flush()
    with suppress(OSError):  # a pipe or a terminal has no disk
        os.fsync(output.fileno())
