"""Errors of asyncpg and of PostgreSQL, translated into those of our own tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from coffeert.errors import DatabaseUnavailable, SchemaMismatch

_OTHER_SCHEMA = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
)
_UNAVAILABLE: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.ReadOnlySQLTransactionError, "is a standby or read-only; the primary is needed"),
    (asyncpg.CannotConnectNowError, "is starting up or shutting down"),
    (asyncpg.TooManyConnectionsError, "has no connection left"),
    (asyncpg.InvalidAuthorizationSpecificationError, "refuses the user or the password"),
    (asyncpg.InsufficientPrivilegeError, "refuses: the role lacks a privilege"),
    (asyncpg.InvalidCatalogNameError, "has no such database"),
    (asyncpg.DiskFullError, "has no room left on its disk"),
    (asyncpg.LockNotAvailableError, "is busy: a lock was not free in time"),
    (asyncpg.QueryCanceledError, "cancelled the statement, which took too long"),
    (asyncpg.TransactionTimeoutError, "ended the transaction, which took too long"),
    (asyncpg.InsufficientResourcesError, "has run out of a resource"),
    (asyncpg.OperatorInterventionError, "closed the connection"),
    (asyncpg.PostgresConnectionError, "closed the connection"),
    (ValueError, "cannot be reached: its URL is not valid"),
    (asyncpg.InterfaceError, "closed the connection"),
    # What asyncpg raises if the connection breaks while it begins or ends an operation.
    (asyncpg.InternalClientError, "closed the connection"),
    (asyncpg.IdleInTransactionSessionTimeoutError, "closed the connection, which was idle"),
    (TimeoutError, "did not answer in time"),
    (ConnectionRefusedError, "cannot be reached: connection refused"),
    (OSError, "cannot be reached"),
)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise `DatabaseUnavailable` or `SchemaMismatch` in place of asyncpg's errors.

    Others are defects of ours and pass through. No sentence repeats the URL, which may hold a password.
    """
    try:
        yield
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    ) as error:
        meaning = _translate(error)
        if meaning is None:
            raise
        # A ValueError is about the URL and quotes it.
        raise meaning from None if isinstance(error, ValueError) else error


@contextmanager
def translate_connect_errors() -> Iterator[None]:
    """Do as `translate_errors`, and raise `DatabaseUnavailable` for a URL that asyncpg cannot read."""
    try:
        with translate_errors():
            yield
    except (ValueError, OverflowError):
        # Not chained: the cause's text quotes the URL.
        raise DatabaseUnavailable("PostgreSQL cannot be reached: its URL is not valid.") from None


def _translate(error: BaseException) -> DatabaseUnavailable | SchemaMismatch | None:
    if isinstance(error, _OTHER_SCHEMA):
        return SchemaMismatch("The database's schema is another version's; run `coffeert migrate`.")
    for kind, meaning in _UNAVAILABLE:
        if isinstance(error, kind):
            return DatabaseUnavailable(f"PostgreSQL {meaning}.")
    return None


def no_time_zone(name: str) -> str:
    """Say that a zone cannot be used, which may be one that only other programs know."""
    return f"PostgreSQL has no time zone {name!a}; name a place, such as Europe/Kyiv."
