"""What `coffeert sessions` and `coffeert sliding` are asked for alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import click
import msgspec

from coffeert.cli.params import server_token, server_url
from coffeert.client import OrderClient
from coffeert.config import load_config

F = TypeVar("F", bound=Callable[..., Any])
Answer = TypeVar("Answer", bound=msgspec.Struct)

_PATIENCE_SECONDS = 5.0
_OPTIONS = (
    click.option(
        "--url",
        envvar="COFFEERT_URL",
        help="The server (the one that runs here). [env: COFFEERT_URL]",
    ),
    click.option(
        "--store",
        "stores",
        multiple=True,
        help="Only this store, or with a minus sign not this one.",
    ),
    click.option(
        "--from",
        "first",
        help="From this business day or minute on: 2026-11-26, 2026-11-26T14:00; else today.",
    ),
    click.option(
        "--to", "last", help="To the end of this business day, or to this minute; else now."
    ),
    click.option("--timezone", help="IANA zone in which times are shown; else the server's."),
    click.option("--csv", "as_csv", is_flag=True, help="Print CSV."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which server, stores and time windows are asked for, and how they are printed."""

    url: str | None
    stores: tuple[str, ...]
    first: str | None
    last: str | None
    timezone: str | None
    as_csv: bool
    as_json: bool


def span_options(command: F) -> F:
    """Give a command the options of `Asked`, as its parameter `asked`."""

    @wraps(command)
    def called(**values: Any) -> Any:
        own = {name: values.pop(name) for name in Asked.__dataclass_fields__}
        if own["as_csv"] and own["as_json"]:
            raise click.UsageError("Give --csv or --json, not both.")
        return command(asked=Asked(**own), **values)

    decorated: Any = called
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return cast(F, decorated)


def ask(asked: Asked, load: Callable[[OrderClient], Awaitable[Answer]]) -> tuple[Answer, str]:
    """Ask the server; return its answer, and the zone of its default calendar."""
    config = load_config()
    client = OrderClient(
        server_url(config, asked.url),
        server_token(config),
        patience=_PATIENCE_SECONDS,
        ca_file=config.ca_file,
    )

    async def run() -> tuple[Answer, str]:
        async with client:
            answer = await load(client)
            return answer, (await client.dashboard()).view.days[0].zone

    return asyncio.run(run())


def print_json(answer: msgspec.Struct) -> None:
    """Print an answer as it came."""
    click.echo(msgspec.json.encode(answer))
