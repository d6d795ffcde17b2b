"""The connection of a command that imports or takes back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from coffeert.cli.counting import count_orders
from coffeert.cli.services import Services, services
from coffeert.config import Config, load_config
from coffeert.postgres.imports import begin_session
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.pool import Connection, close, connect

T = TypeVar("T")


class ImportDatabase:
    """One connection, and the loop that works on it while the command itself may wait for an answer."""

    def __init__(
        self, runner: asyncio.Runner, connection: Connection, config: Config, found: Services
    ) -> None:
        self.connection = connection
        self._runner = runner
        self._config = config
        self._services = found

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns; Ctrl-C cancels it and raises `KeyboardInterrupt`."""
        return self._runner.run(work)

    def count(self, xid: int | None) -> str | None:
        """Wait until a transaction is counted; return the reason if it is not."""
        return self.run(count_orders(self.connection, self._config, self._services, xid))


@contextmanager
def import_database(data_dir: Path | None, *, existing: bool = False) -> Iterator[ImportDatabase]:
    """Open the database of the settings for importing; `existing` as in `services`.

    Raises `ImportBusy` if another command imports.
    """
    config = load_config(data_dir=data_dir)
    # An own database without a Redis that is known: what this counts is published by the next leader.
    redis = config.database_url is None or config.redis_url is not None
    with (
        services(config, redis=redis, existing=existing) as found,
        asyncio.Runner() as runner,
    ):
        connection = runner.run(_open(found.database_url))
        try:
            yield ImportDatabase(runner, connection, config, found)
        finally:
            runner.run(close(connection))


async def _open(url: str) -> Connection:
    connection = await connect(url, application_name="coffeert import")
    try:
        await check_schema(connection)
        await begin_session(connection)
    except BaseException:
        await close(connection)
        raise
    return connection
