"""PostgreSQL and Redis of a command: those of the settings, or embedded ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from coffeert.config import Config
from coffeert.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Services:
    """The URLs of PostgreSQL and Redis, which may hold passwords and are not shown.

    `data_dir` is that of the embedded ones, if any of the two is.
    """

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    data_dir: Path | None = None


@contextmanager
def services(
    config: Config, *, redis: bool = True, long_running: bool = False, existing: bool = False
) -> Iterator[Services]:
    """Return the URLs of both servers, using embedded ones for each URL that is not set.

    Blocks for about a second at a first start, so call it before the event loop runs. The embedded
    database is migrated to the current schema. `redis=False`: the command needs no Redis.
    `long_running`: an embedded server that dies is started again. `existing`: a command about what is
    stored, which makes no sense where there is no database yet: one made for it would look proven.
    Raises `ConfigError`, `EmbeddedError`, `SchemaMismatch`.
    """
    database_url = config.database_url.get_secret_value() if config.database_url else ""
    redis_url = config.redis_url.get_secret_value() if config.redis_url else ""
    embed_redis = redis and not redis_url
    if database_url and not embed_redis:
        yield Services(database_url, redis_url)
        return

    from coffeert.embedded import default_path, embedded_services, has_cluster

    place = config.data_dir or default_path()
    if existing and not database_url and not has_cluster(place):
        raise ConfigError(f"There is no database in {place}: nothing is stored there.")

    with embedded_services(
        config.data_dir, postgres=not database_url, valkey=embed_redis, restart=long_running
    ) as embedded:
        if embedded.account is not None:
            report_account(embedded.account)
        if not database_url:
            from coffeert.postgres.migrations import migrate

            asyncio.run(migrate(embedded.database_url, timezone=config.timezone))
        yield Services(
            database_url or embedded.database_url,
            redis_url or embedded.redis_url,
            embedded.data_dir,
        )


def report_account(account: str) -> None:
    """Say on stderr which account the embedded servers of root run as."""
    click.echo(
        f"coffeert: Running as root, so the embedded servers run as the account {account}.",
        err=True,
    )
