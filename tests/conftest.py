"""Fixtures that give every test real servers: a database of its own and an empty Valkey.

A machine at work must not make a test fail, nor chance: hypothesis has no deadline here, and tries the
same examples in each run; `--hypothesis-profile=search` tries others.
"""

from __future__ import annotations

import asyncio
import gc
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.process_settings import settings_restored
from tests.servers import (
    TEMPLATE,
    TestServers,
    postgres_server,
    running_servers,
    temporary_directory,
    valkey_server,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from coffeert.embedded import PostgresServer, ValkeyServer

_SLOW = (HealthCheck.too_slow,)
settings.register_profile("search", deadline=None, suppress_health_check=_SLOW)
settings.register_profile("gate", settings.get_profile("search"), derandomize=True)
settings.load_profile("gate")


def pytest_xdist_auto_num_workers() -> int:
    """Return the workers of `-n auto`: one more than processors, since tests also wait for servers."""
    return (os.cpu_count() or 1) + 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m long` leave out files that do not say `mark.long`: to load all takes each worker seconds."""
    if config.option.markexpr == "long" and collection_path.match("test_*.py"):
        return "mark.long" not in collection_path.read_text("utf-8") or None
    return None


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_open() -> Iterator[None]:
    # What a test has left open is found by the collector, and told here instead of anywhere later.
    yield
    gc.collect()
    gc.freeze()  # what is left stays, so the next collection need not look at it


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    """Closes what a test has opened, also where it fails."""
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _process_settings() -> Iterator[None]:
    with settings_restored():
        yield


@pytest.fixture(scope="session")
def servers() -> Iterator[TestServers]:
    """One PostgreSQL and one Valkey for this process of the run; do not stop them."""
    with running_servers() as servers:
        yield servers


@pytest.fixture(scope="session")
def template_database(servers: TestServers) -> str:
    """The name of a database with the migrations applied, for databases to be cloned from."""
    from coffeert.postgres.migrations import migrate

    servers.postgres.ensure_database(TEMPLATE)
    with ThreadPoolExecutor(1) as thread:  # away from the event loop that pytest-asyncio keeps here
        thread.submit(asyncio.run, migrate(servers.postgres.database_url(TEMPLATE))).result()
    servers.postgres.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")
    return TEMPLATE


@pytest.fixture
def database_url(servers: TestServers, template_database: str) -> Iterator[str]:
    """A database of this test's own, with the schema and the seeded menu."""
    with servers.database(template_database) as url:
        yield url


@pytest.fixture
def empty_database_url(servers: TestServers) -> Iterator[str]:
    """A database of this test's own with nothing in it."""
    with servers.database() as url:
        yield url


@pytest.fixture
def redis_url(servers: TestServers) -> str:
    """A Valkey with nothing in it and nobody connected to it."""
    return servers.clean_valkey()


@pytest.fixture
def server_directory() -> Iterator[Path]:
    """A new directory that a server may have its data in."""
    with temporary_directory() as directory:
        yield directory


@pytest.fixture
def own_postgres(server_directory: Path) -> Iterator[PostgresServer]:
    """A running PostgreSQL that this test may kill, stop and start again; it waits for the disk."""
    server = postgres_server(server_directory)
    server.start()
    yield server
    server.stop("immediate")


@pytest.fixture
def own_valkey(server_directory: Path) -> Iterator[ValkeyServer]:
    """A running Valkey that this test may kill, stop and start again."""
    server = valkey_server(server_directory)
    server.start()
    yield server
    server.stop()
