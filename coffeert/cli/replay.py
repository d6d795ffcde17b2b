"""`coffeert replay`: a time that is over, from the change feed, as it happened."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from coffeert.cli.params import PlaceParam, SpeedParam, server_token, server_url
from coffeert.client import Feed, OrderClient
from coffeert.config import Config, load_config
from coffeert.errors import ConfigError
from coffeert.wire.feed import MAX_REPLAY_SPAN
from coffeert.wire.orders import encode


@click.command("replay")
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (the one that runs here). [env: COFFEERT_URL]"
)
@click.option("--from", "first", required=True, help="Where it begins: 2026-11-26T14:00.")
@click.option("--to", "last", required=True, help="Where it ends, within a day.")
@click.option(
    "--speed",
    type=SpeedParam(),
    default=1.0,
    show_default=True,
    help="How many times as fast.",
)
@click.option(
    "--lines", is_flag=True, help="Print the events of the feed at their time, for any program."
)
@click.option(
    "--save",
    type=PlaceParam(dir_okay=False),
    help="Write a new recording for `coffeert-tui --replay` instead.",
)
@click.option("--plain", is_flag=True, help="Lines of prose now and then, for a screen reader.")
@click.pass_context
def command(
    context: click.Context,
    *,
    url: str | None,
    first: str,
    last: str,
    speed: float,
    lines: bool,
    save: Path | None,
    plain: bool,
) -> int:
    """Show what dashboards showed between two moments, in the terminal, order by order.

    It begins with what was known then: an order that came late comes late again. A time without an
    offset is in the server's zone.
    """
    config = load_config()
    server, begin, end = (
        server_url(config, url),
        _moment("--from", first),
        _moment("--to", last),
    )
    if lines:
        asyncio.run(_print(config, server, begin, end, speed))
        return 0
    if save is not None:
        changes = asyncio.run(_load(config, server, begin, end, save))
        click.echo(f"{changes:,} changes in {save}")
        return 0
    from coffeert.cli.tui import command as terminal

    with tempfile.TemporaryDirectory(prefix="coffeert-replay-") as directory:
        recording = Path(directory) / "replay.ndjson"
        asyncio.run(_load(config, server, begin, end, recording))
        code: int = context.invoke(terminal, replay=recording, speed=speed, plain=plain)
    return code


async def _load(
    config: Config, server: str, begin: datetime, end: datetime, recording: Path
) -> int:
    from coffeert.tui.history.server_recording import write_recording

    async with OrderClient(server, server_token(config), ca_file=config.ca_file) as client:
        return await write_recording(recording, server, client.replay(begin, end))


async def _print(config: Config, server: str, begin: datetime, end: datetime, speed: float) -> None:
    """Print the events that were received within the time, each when it was, from now on."""
    async with OrderClient(server, server_token(config), ca_file=config.ca_file) as client:
        zone = ZoneInfo((await client.dashboard()).view.days[0].zone)
    begin, end = (
        moment if moment.tzinfo else moment.replace(tzinfo=zone) for moment in (begin, end)
    )
    if begin >= end or end - begin > MAX_REPLAY_SPAN:
        raise ConfigError("--to must be later than --from, by a day at most.")
    if begin > datetime.now(UTC):
        raise ConfigError("--from must not lie in the future.")
    started = time.monotonic()
    feed = Feed(server, server_token(config), after=begin, follow=False, ca_file=config.ca_file)
    async for batch in feed:
        for event in batch.events:
            received = event.data.received_at
            if not begin <= received <= end:
                continue
            due = started + (received - begin).total_seconds() / speed
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            sys.stdout.buffer.write(encode(event) + b"\n")
            sys.stdout.buffer.flush()
        if batch.events and batch.events[0].data.received_at > end:
            return


def _moment(option: str, text: str) -> datetime:
    try:
        if len(text) <= len("2026-11-26"):
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} takes a time such as 2026-11-26T14:00.") from None
