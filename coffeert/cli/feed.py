"""`coffeert feed`: every order, in the order of the change feed, as lines of JSON."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Final

import click

from coffeert.backoff import Backoff
from coffeert.cancellation import end
from coffeert.cli.params import PlaceParam, server_token, server_url
from coffeert.cli.signals import stop_on_signals
from coffeert.client.change_feed import Feed, FeedBatch
from coffeert.config import load_config
from coffeert.errors import DatabaseUnavailable, SinkUnavailable
from coffeert.sinks.cursor import CursorFile
from coffeert.sinks.sink import Sink, fill
from coffeert.sinks.target import sink_for
from coffeert.wire.feed import DEFAULT_LIMIT, MAX_LIMIT
from coffeert.wire.orders import encode

_NO_DISK: Final = (errno.EINVAL, errno.ENOTSUP, errno.EROFS)
"""What fsync says of a pipe or a terminal."""


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
    type=PlaceParam(dir_okay=False),
    help="Keep the cursor in this file: the next run goes on where this one ended.",
)
@click.option(
    "--to",
    "target",
    help="Write to kafka://host:port/topic, nats://host:port/subject, postgresql://..., https://... (a "
    "webhook), or a file that ends in .ndjson, .duckdb or .parquet, and go on where that ends.",
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
    target: str | None,
    store: tuple[str, ...],
    drink: tuple[str, ...],
    part: str | None,
) -> None:
    """Print every order and void as a CloudEvent, one a line, in the order that all readers share.

    The cursor is written after the lines: a run that was killed may repeat the last of them, and
    leaves none out. With `--to` they are stored elsewhere; docs/feed.md says what each target promises.
    """
    config = load_config()
    server, token = server_url(config, url), server_token(config)

    def feed_after(cursor: str) -> Feed:
        return Feed(
            server,
            token,
            after=cursor,
            stores=store,
            drinks=drink,
            part=part,
            limit=DEFAULT_LIMIT if target is None else MAX_LIMIT,
            follow=follow,
            ca_file=config.ca_file,
        )

    if target is not None:
        asyncio.run(
            _until_stopped(
                _fill(partial(sink_for, target, state), feed_after, after, follow=follow)
            )
        )
        return
    kept = None if state is None else CursorFile(state)
    if kept is not None and after is None:
        after = kept.read()
    asyncio.run(_until_stopped(_print(feed_after(after or "beginning"), kept)))


async def _until_stopped(work: Coroutine[None, None, None]) -> None:
    stop = stop_on_signals()
    working = asyncio.create_task(work, name="feed")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await end(stopping)
    if working.done():
        working.result()
    await end(working)


async def _fill(
    new_sink: Callable[[], Sink],
    feed_after: Callable[[str], Feed],
    after: str | None,
    *,
    follow: bool,
) -> None:
    """Fill a sink; if it follows, through outages of the target, at the cursor that is found there."""
    backoff = Backoff()
    while True:
        try:
            await fill(new_sink(), feed_after, after)
        except (SinkUnavailable, DatabaseUnavailable) as error:
            if not follow:
                raise
            click.echo(f"coffeert: {error}", err=True)
        else:
            return
        await asyncio.sleep(backoff.next_delay())


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
    try:
        os.fsync(output.fileno())
    except OSError as error:
        if error.errno not in _NO_DISK:  # the cursor must not be kept then
            raise
