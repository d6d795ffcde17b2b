"""The databases a command works with: those of the settings, or the embedded ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from coffeert.config import Config


@dataclass(frozen=True, slots=True)
class Services:
    """Where PostgreSQL and Redis are. The URLs may hold passwords and are not shown."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


@contextmanager
def services(config: Config, *, redis: bool = True, stays: bool = False) -> Iterator[Services]:
    """Give the URLs of both servers, starting or attaching to the embedded ones where none is set.

    Blocks for about a second at a first start, so call it before the event loop runs. The embedded
    database is brought up to the current schema. `redis=False`: the command needs no Redis. `stays`: it
    runs until it is stopped, and has an embedded server that dies started again.
    Raises `EmbeddedError`, `SchemaMismatch`.
    """
    database_url = config.database_url.get_secret_value() if config.database_url else ""
    redis_url = config.redis_url.get_secret_value() if config.redis_url else ""
    embed_redis = redis and not redis_url
    if database_url and not embed_redis:
        yield Services(database_url, redis_url)
        return

    from coffeert.embedded import embedded_services

    with embedded_services(
        config.data_dir, postgres=not database_url, valkey=embed_redis, revive=stays
    ) as embedded:
        if not database_url:
            from coffeert.postgres.migrations import migrate

            asyncio.run(migrate(embedded.database_url))
        yield Services(database_url or embedded.database_url, redis_url or embedded.redis_url)
