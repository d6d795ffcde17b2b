"""A whole server in this process, on databases of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from coffeert.cli.serve import serve
from coffeert.cli.services import Services
from coffeert.config import load_config

RunServer = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def run_server(database_url: str, redis_url: str) -> RunServer:
    """A context manager that runs a server with the given settings and gives its URL.

    `database` is the URL of another database than the test's.
    """

    def run(
        *, database: str = database_url, **settings: object
    ) -> AbstractAsyncContextManager[str]:
        return running_server(database, redis_url, **settings)

    return run


@pytest.fixture
async def server_url(run_server: RunServer) -> AsyncIterator[str]:
    """The URL of a running server with ordinary settings and a quick aggregator."""
    async with run_server() as url:
        yield url


@pytest.fixture
async def http(server_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A session to the running server."""
    async with aiohttp.ClientSession(server_url) as session:
        yield session
