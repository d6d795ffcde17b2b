"""PostgreSQL's failures as plain sentences."""

from __future__ import annotations

import asyncpg
import pytest

from coffeert.errors import CoffeertError, DatabaseUnavailable, SchemaMismatch
from coffeert.postgres.failures import explained, explained_connecting


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (ConnectionRefusedError(111, "secret"), "cannot be reached: connection refused"),
        (OSError("secret"), "cannot be reached"),
        (TimeoutError("secret"), "did not answer in time"),
        (asyncpg.AdminShutdownError("secret"), "closed the connection"),
        (asyncpg.ConnectionDoesNotExistError("secret"), "closed the connection"),
        (asyncpg.InterfaceError("secret"), "closed the connection"),
        (asyncpg.InvalidPasswordError("secret"), "refuses the user or the password"),
        (asyncpg.DiskFullError("secret"), "has no room left on its disk"),
        (asyncpg.LockNotAvailableError("secret"), "is busy: a lock was not free in time"),
        (asyncpg.ReadOnlySQLTransactionError("secret"), "is a standby or read-only"),
        (asyncpg.IdleSessionTimeoutError("secret"), "closed the connection"),
        (asyncpg.IdleInTransactionSessionTimeoutError("secret"), "closed the connection"),
        (asyncpg.ClientConfigurationError("secret"), "its URL is not valid"),
    ],
)
def test_an_outage_is_told_without_what_the_driver_said(failure: Exception, sentence: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=sentence) as raised, explained():
        raise failure
    assert "secret" not in str(raised.value)
    assert str(raised.value).startswith("PostgreSQL ")


def test_a_missing_table_is_a_matter_of_the_schema() -> None:
    with pytest.raises(SchemaMismatch, match="coffeert migrate"), explained():
        raise asyncpg.UndefinedTableError("no orders")


def test_defects_and_our_own_errors_pass_through() -> None:
    with pytest.raises(asyncpg.DivisionByZeroError), explained():
        raise asyncpg.DivisionByZeroError("ours")
    with pytest.raises(KeyError), explained():
        raise KeyError("ours")
    with pytest.raises(CoffeertError, match="plain"), explained():
        raise CoffeertError("plain")


def test_a_url_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(DatabaseUnavailable) as raised, explained_connecting():
        int("secret")
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
