"""Errors of asyncpg and of PostgreSQL, translated into those of our own tree."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from coffeert.errors import ConfigError, DatabaseUnavailable, SchemaMismatch

_OTHER_SCHEMA = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
)
_UNAVAILABLE: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.ReadOnlySQLTransactionError, "is a standby or read-only; the primary is needed"),
    (asyncpg.DiskFullError, "has no room left on its disk"),
    (asyncpg.LockNotAvailableError, "is busy: a lock was not free in time"),
    # On a standby, what stands in the way of replication for too long.
    (asyncpg.SerializationError, "cancelled the statement; repeat it"),
    (asyncpg.QueryCanceledError, "cancelled the statement, which took too long"),
    (asyncpg.TransactionTimeoutError, "ended the transaction, which took too long"),
    (asyncpg.ClientConfigurationError, "cannot be reached: its URL is not valid"),
    (asyncpg.InterfaceError, "closed the connection"),
    # What asyncpg raises if the connection breaks while it begins or ends an operation.
    (asyncpg.InternalClientError, "closed the connection"),
    (asyncpg.IdleInTransactionSessionTimeoutError, "closed the connection, which was idle"),
    (TimeoutError, "did not answer in time"),
)
# With what the server, or the pooler in front of it, gives as its reason.
_UNAVAILABLE_BECAUSE: tuple[tuple[type[asyncpg.PostgresError], str], ...] = (
    (asyncpg.CannotConnectNowError, "is starting up or shutting down"),
    (asyncpg.TooManyConnectionsError, "has no connection left"),
    (asyncpg.InvalidPasswordError, "refuses the user or the password"),
    (asyncpg.InvalidAuthorizationSpecificationError, "refuses the connection"),
    (asyncpg.InsufficientPrivilegeError, "refuses: the role lacks a privilege"),
    (asyncpg.InvalidCatalogNameError, "has no such database"),
    (asyncpg.OperatorInterventionError, "closed the connection"),
    (asyncpg.PostgresConnectionError, "closed the connection"),
    (asyncpg.InsufficientResourcesError, "has run out of a resource"),
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
    """Do as `translate_errors`, and raise `DatabaseUnavailable` for whatever keeps us from connecting."""
    try:
        with translate_errors():
            yield
    except asyncpg.PostgresError as error:
        raise DatabaseUnavailable(
            f"PostgreSQL refuses the connection{_said_by_server(error)}."
        ) from error
    except (ValueError, OverflowError):
        # Not chained: the cause's text quotes the URL.
        raise DatabaseUnavailable("PostgreSQL cannot be reached: its URL is not valid.") from None


@contextmanager
def translate_target_errors() -> Iterator[None]:
    """Do as `translate_errors` in a database of somebody else, whose tables may be any.

    Raises `ConfigError`, with what PostgreSQL says, for what no later attempt changes.
    """
    try:
        with translate_errors():
            yield
    except (SchemaMismatch, asyncpg.PostgresError) as error:
        refused = error.__cause__ if isinstance(error, SchemaMismatch) else error
        said = _said_by_server(refused) if isinstance(refused, asyncpg.PostgresError) else ""
        raise ConfigError(f"PostgreSQL refuses what would be written{said}.") from error
    except (
        TypeError,
        ValueError,
        OverflowError,
    ) as error:  # asyncpg's, for a type that is not ours
        raise ConfigError(
            "PostgreSQL refuses what would be written: a column has another type."
        ) from error


def sentence_of(error: asyncpg.PostgresError) -> str:
    """Say in one sentence why PostgreSQL refuses a statement of ours."""
    return str(_translate(error) or f"PostgreSQL refuses{_said_by_server(error)}.")


def _translate(error: BaseException) -> DatabaseUnavailable | SchemaMismatch | None:
    if isinstance(error, _OTHER_SCHEMA):
        return SchemaMismatch("The database's schema is another version's; run `coffeert migrate`.")
    for kind, meaning in _UNAVAILABLE:
        if isinstance(error, kind):
            return DatabaseUnavailable(f"PostgreSQL {meaning}.")
    for kind, meaning in _UNAVAILABLE_BECAUSE:
        if isinstance(error, kind):
            return DatabaseUnavailable(f"PostgreSQL {meaning}{_said_by_server(error)}.")
    if isinstance(error, OSError):
        reason = _network_reason(error)
        return DatabaseUnavailable(f"PostgreSQL cannot be reached{': ' if reason else ''}{reason}.")
    return None


def _said_by_server(error: asyncpg.PostgresError) -> str:
    if getattr(error, "severity", None) is None or not error.args:  # asyncpg's own
        return ""
    return f": {' '.join(str(error.args[0]).split()).removesuffix('.')}"


def _network_reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        message: str = error.verify_message
        return f"its certificate cannot be trusted, {message.removesuffix('.')}"
    if isinstance(error, ssl.SSLError):
        return (
            f"TLS fails, {str(error.reason or 'for an unknown reason').lower().replace('_', ' ')}"
        )
    if isinstance(error, socket.gaierror):
        return "the name of its host is unknown"
    if "rejected SSL upgrade" in str(
        error
    ):  # what asyncpg says if the answer to its question is no
        return "it offers no TLS, which sslmode asks for"
    # One name may have several addresses: then asyncio gives the text of all errors, and no number.
    if error.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return "connection refused"
    if error.errno == errno.ENOENT:
        return "there is no socket of it"
    return (error.strerror or "").lower() if error.errno else ""


def no_time_zone(name: str) -> str:
    """Say that a zone cannot be used, which may be one that only other programs know."""
    return f"PostgreSQL has no time zone {name!a}; name a place, such as Europe/Kyiv."
