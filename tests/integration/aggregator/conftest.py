"""Aggregators that run for the length of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from coffeert.aggregator.aggregator import Aggregator, Publisher
from coffeert.cancellation import end
from coffeert.postgres.pool import Connection, connect
from tests.integration.aggregator.recorder import Recorder

INTERVAL = 0.05

StartAggregator = Callable[..., tuple[Aggregator, asyncio.Task[None]]]


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """A connection to the test's database."""
    connection = await connect(database_url, application_name="test")
    yield connection
    connection.terminate()


@pytest.fixture
def recorder() -> Recorder:
    """A publisher that remembers."""
    return Recorder()


@pytest.fixture
async def start(
    database_url: str, recorder: Recorder, opened: AsyncExitStack
) -> AsyncIterator[StartAggregator]:
    """Starts an aggregator; it is stopped after the test, and must not have failed.

    What the test has `opened` is closed after that, or the aggregator would open it again.
    """
    tasks: list[asyncio.Task[None]] = []

    def start(
        name: str = "first",
        *,
        url: str = database_url,
        publisher: Publisher = recorder,
        interval: float = INTERVAL,
    ) -> tuple[Aggregator, asyncio.Task[None]]:
        aggregator = Aggregator(
            url, publisher, interval=interval, name=name, keep_minutes=timedelta(days=36500)
        )
        task = asyncio.create_task(aggregator.run())
        tasks.append(task)
        return aggregator, task

    yield start
    for task in tasks:
        await end(task)
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(ended, asyncio.CancelledError), ended
