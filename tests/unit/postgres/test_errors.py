"""Errors of asyncpg become errors of our own tree, whatever family they are of."""

from __future__ import annotations

import asyncpg
import pytest

from coffeert.errors import DatabaseUnavailable
from coffeert.postgres.errors import translate_errors


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation is in progress"),
        asyncpg.ConnectionDoesNotExistError("connection was closed"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_breaks_is_an_outage_and_not_a_defect(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable), translate_errors():
        raise error
