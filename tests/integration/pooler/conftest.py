"""A database behind a pooler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest

from coffeert.postgres.pool import Connection, close, connect
from tests.integration.aggregator.conftest import recorder, start
from tests.integration.server.conftest import run_server
from tests.pgbouncer import PgBouncer, pgbouncer_before
from tests.servers import TestServers
from tests.waiting import wait_until

__all__ = ["recorder", "run_server", "start"]


@pytest.fixture(scope="module")
def transaction_pooler(servers: TestServers) -> Iterator[PgBouncer]:
    """A PgBouncer in transaction mode; a test that kills it starts it again."""
    with pgbouncer_before(servers.postgres, "transaction", size=10) as pooler:
        wait_until(pooler.is_listening)
        yield pooler


@pytest.fixture(scope="module")
def session_pooler(servers: TestServers) -> Iterator[PgBouncer]:
    """A PgBouncer in session mode, which is its default."""
    with pgbouncer_before(servers.postgres, "session") as pooler:
        wait_until(pooler.is_listening)
        yield pooler


@pytest.fixture
def database(database_url: str) -> str:
    """The name of the test's database."""
    return urlsplit(database_url).path.removeprefix("/")


@pytest.fixture
def pooled_url(transaction_pooler: PgBouncer, database: str) -> str:
    """The test's database behind a pooler in transaction mode."""
    return transaction_pooler.url(database)


@pytest.fixture
async def pooled(pooled_url: str, opened: AsyncExitStack) -> Connection:
    """A connection without a session."""
    connection = await connect(pooled_url, application_name="test")
    opened.push_async_callback(close, connection)
    return connection


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """A connection to the test's database itself."""
    connection = await connect(database_url, application_name="test")
    yield connection
    connection.terminate()
