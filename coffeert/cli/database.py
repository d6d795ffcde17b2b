"""One connection to the database for a command that works on it and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import click

from coffeert.cli.services import services
from coffeert.config import load_config
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.pool import Connection, close, connect, open_pool
from coffeert.postgres.read_pool import ReadPool

T = TypeVar("T")

_CATCH_UP_SECONDS = 10.0


@asynccontextmanager
async def _connection(url: str, read_url: str, name: str) -> AsyncIterator[Connection]:
    if not read_url:
        connection = await connect(url, application_name=name)
        try:
            yield connection
        finally:
            await close(connection)
        return
    primary = await open_pool(url, size=1, min_size=0, application_name=name)
    standby = await open_pool(
        read_url, size=1, min_size=0, application_name=name, several="prefer-standby"
    )
    try:
        reads = ReadPool(primary, standby, lambda: None, catch_up_seconds=_CATCH_UP_SECONDS)
        connection = await reads.acquire()
        read = "the standby" if reads.obstacle is None else f"the primary: {reads.obstacle}"
        click.echo(f"coffeert: Reads {read}.", err=True)
        yield connection
    finally:
        primary.terminate()
        standby.terminate()


def with_database(
    data_dir: Path | None,
    command: str,
    work: Callable[[Connection], Awaitable[T]],
    *,
    existing: bool = False,
    only_reads: bool = False,
) -> T:
    """Return what `work` returns for a connection to a database whose schema is this version's.

    `command` is what PostgreSQL's list of connections shows, such as `menu`; `existing` as in `services`.
    `only_reads`: the standby of the settings will do, if it is not too far behind; says which is read.
    """
    config = load_config(data_dir=data_dir)
    read_url = config.read_url.get_secret_value() if only_reads and config.read_url else ""

    async def run(url: str) -> T:
        async with _connection(url, read_url, f"coffeert {command}") as connection:
            await check_schema(connection)
            return await work(connection)

    with services(config, redis=False, existing=existing) as running:
        return asyncio.run(run(running.database_url))
