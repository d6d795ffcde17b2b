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

    Its database is the test's own, or the one at the URL `database`.
    """

    @asynccontextmanager
    async def run(*, database: str = database_url, **settings: object) -> AsyncIterator[str]:
        config = load_config(
            **{"port": 0, "aggregation_interval": 0.05, "heartbeat_interval": 0.1} | settings
        )
        stop = asyncio.Event()
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            serve(
                config,
                Services(database, redis_url),
                stop=stop,
                started=started,
                quiet=True,
            )
        )
        both: set[asyncio.Future[Any]] = {task, started}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        try:
            yield started.result()
        finally:
            stop.set()
            await task

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
