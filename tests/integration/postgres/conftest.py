"""A connection of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coffeert.postgres.pool import Connection, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """A connection to the test's database."""
    connection = await connect(database_url, application_name="test")
    yield connection
    connection.terminate()


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Connection]:
    """A second connection there."""
    connection = await connect(database_url, application_name="other")
    yield connection
    connection.terminate()
