"""One connection to the database for a command that works on it and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from coffeert.cli.services import services
from coffeert.config import load_config
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.pool import Connection, close, connect

T = TypeVar("T")


def with_database(
    data_dir: Path | None,
    command: str,
    work: Callable[[Connection], Awaitable[T]],
    *,
    existing: bool = False,
) -> T:
    """Return what `work` returns for a connection to a database whose schema is this version's.

    `command` is what PostgreSQL's list of connections shows, such as `menu`; `existing` as in `services`.
    """

    async def run(url: str) -> T:
        connection = await connect(url, application_name=f"coffeert {command}")
        try:
            await check_schema(connection)
            return await work(connection)
        finally:
            await close(connection)

    config = load_config(data_dir=data_dir)
    with services(config, redis=False, existing=existing) as running:
        return asyncio.run(run(running.database_url))
