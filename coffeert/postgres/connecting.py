"""Opening a connection: which of several hosts is asked, and whether a pooler stands before PostgreSQL.

Not by asyncpg's own way through several hosts: it waits for one that does not answer until no time is left
for the next.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import asyncpg
import msgspec
import structlog

from coffeert.errors import ConfigError, DatabaseUnavailable
from coffeert.postgres.errors import translate_connect_errors
from coffeert.postgres.queries import sql
from coffeert.postgres_url import (
    DatabaseUrl,
    Host,
    PoolMode,
    SessionKind,
    parse_postgres_url,
)

if TYPE_CHECKING:
    _Base = asyncpg.Connection[asyncpg.Record]
else:
    _Base = asyncpg.Connection

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_SECONDS: Final = 5.0
_NEXT_HOST_SECONDS: Final = 1.0
_CACHED_STATEMENTS: Final = 100
_POOLER_ROUNDS: Final = 5
_POOLER_SECONDS: Final = 2.0
_DRIVER_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")

_told: set[tuple[str, ...]] = set()
_answered: dict[tuple[Host, ...], Host] = {}
_pool_modes: dict[tuple[Host, str | None], PoolMode] = {}


class DatabaseConnection(_Base):
    """A connection that knows what is behind it.

    `has_session`: what a statement sets, locks or prepares is there for the next one. Not so behind a
    pooler in transaction mode, where each transaction may be another session's.
    """

    __slots__ = ("backend", "has_session", "place")

    has_session: bool
    backend: int
    place: tuple[Host, str | None]


class _Backend(msgspec.Struct, frozen=True):
    """The session behind a connection, as it says itself."""

    pid: int
    standby: bool
    read_only: bool

    def mismatch(self, wanted: SessionKind) -> str | None:
        """Say why this is not the wanted kind of session."""
        if wanted == "primary" and self.standby:
            return "is a standby; the primary is needed"
        if wanted == "read-write" and (self.standby or self.read_only):
            return "is a standby or read-only; the primary is needed"
        if wanted in ("standby", "prefer-standby") and not self.standby:
            return "is no standby"
        if wanted == "read-only" and not (self.standby or self.read_only):
            return "is not read-only"
        return None


def has_session(connection: Any) -> bool:
    """Whether a connection, or a leased one, has a session of its own; see `DatabaseConnection`."""
    return bool(connection.has_session)


def require_session(connection: Any, what: str) -> None:
    """Raise `ConfigError` unless a connection has a session of its own, which `what` needs."""
    if not has_session(connection):
        raise ConfigError(
            f"{what} needs a session of its own, and the database's URL leads to a pooler in transaction "
            "mode: give a URL that leads to PostgreSQL itself or to a pooler in session mode."
        )


def note_backend(connection: Any, pid: int) -> None:
    """Compare the session that a statement ran in with that of the connection.

    Raises `DatabaseUnavailable` if it is another although the connection was taken for a session: then a
    pooler has changed its mode, and connections that are opened from now on know it.
    """
    if connection.has_session and pid != connection.backend:
        _pool_modes[connection.place] = "transaction"
        connection.terminate()
        raise DatabaseUnavailable("PostgreSQL is behind a pooler that is in transaction mode now.")


async def open_connection(
    url: str, *, application_name: str, several: SessionKind = "primary"
) -> DatabaseConnection:
    """Open a connection to the host of a URL, or to one of several that is of the wanted kind.

    `several` is the kind if there are several hosts and the URL does not say it. Raises `ConfigError` for a
    URL that cannot be used, and `DatabaseUnavailable`.
    """
    try:
        address = parse_postgres_url(url)
    except ValueError as error:
        raise ConfigError(f"The URL of the database cannot be used: it {error}.") from None
    _tell(address.passed_over)
    hosts = list(address.hosts)
    wanted: SessionKind = address.wanted or (several if len(hosts) > 1 else "any")
    if address.shuffled:
        random.shuffle(hosts)
    elif (last := _answered.get(address.hosts)) is not None:
        hosts.sort(key=lambda host: host != last)

    async def reach(host: Host | None, kind: SessionKind) -> DatabaseConnection:
        return await _open_on(address, host, kind, application_name)

    if len(hosts) < 2:
        host = hosts[0] if hosts else None
        return await reach(host, "any" if wanted == "prefer-standby" else wanted)
    try:
        connection, host = await _first_of(hosts, lambda one: reach(one, wanted))
    except DatabaseUnavailable:
        if wanted != "prefer-standby":
            raise
        connection, host = await _first_of(hosts, lambda one: reach(one, "any"))
    _answered[address.hosts] = host
    return connection


def _tell(passed_over: tuple[str, ...]) -> None:
    if passed_over and passed_over not in _told:
        _told.add(passed_over)
        log.warning(
            "parameters of the database's URL that have no effect", names=", ".join(passed_over)
        )


async def _first_of(
    hosts: list[Host], reach: Callable[[Host], Awaitable[DatabaseConnection]]
) -> tuple[DatabaseConnection, Host]:
    """Return the first connection that is made, and its host.

    A further host is tried as soon as one has failed, or has not answered for a while.
    """
    waiting, reasons = deque(hosts), []
    attempts: dict[asyncio.Future[DatabaseConnection], Host] = {}
    try:
        while waiting or attempts:
            if waiting:
                host = waiting.popleft()
                attempts[asyncio.ensure_future(reach(host))] = host
            done, _ = await asyncio.wait(
                attempts,
                timeout=_NEXT_HOST_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                if attempt.exception() is None:
                    return attempt.result(), attempts.pop(attempt)
                reasons.append((attempts.pop(attempt), attempt.exception()))
    finally:
        for attempt in attempts:
            attempt.cancel()
        for left in await asyncio.gather(*attempts, return_exceptions=True):
            if isinstance(left, DatabaseConnection):
                left.terminate()
    if isinstance(reasons[0][1], ConfigError):
        raise reasons[0][1]
    said = "; ".join(
        f"{host} {str(reason).removeprefix('PostgreSQL ').removesuffix('.')}"
        for host, reason in reasons
    )
    raise DatabaseUnavailable(f"PostgreSQL cannot be used: {said}.")


async def _open_on(
    address: DatabaseUrl, host: Host | None, wanted: SessionKind, application_name: str
) -> DatabaseConnection:
    place = (host or Host("", 0), address.database)
    seconds = address.connect_timeout or CONNECT_TIMEOUT_SECONDS
    with translate_connect_errors():
        async with asyncio.timeout(seconds):
            mode = address.pool_mode or _pool_modes.get(place)
            connection = await _connect(
                address, host, application_name, cached=mode != "transaction"
            )
            try:
                backend = await _ask(connection)
                mismatch = backend.mismatch(wanted)
                if mismatch is not None:
                    raise DatabaseUnavailable(f"PostgreSQL {mismatch}.")
                if mode is None:
                    mode = "session"
                    # A pooler makes up the process id by which its clients cancel.
                    if backend.pid != connection.get_server_pid():
                        mode = await _find_pool_mode(connection, address, host)
                    if mode == "transaction":
                        _pool_modes[place] = mode
                        connection.terminate()
                        connection = await _connect(address, host, application_name, cached=False)
                connection.has_session = mode != "transaction"
                connection.backend, connection.place = backend.pid, place
                if connection.has_session:
                    # Not by the startup packet: poolers refuse most settings there, and it would replace a
                    # stronger one.
                    await connection.execute(sql("session_settings"))
            except BaseException:
                connection.terminate()
                raise
    return connection


async def _connect(
    address: DatabaseUrl, host: Host | None, application_name: str, *, cached: bool
) -> DatabaseConnection:
    settings = {"application_name": application_name, "timezone": "UTC"}
    if address.options is not None:
        settings["options"] = address.options
    driver = dict(address.driver)
    for name in _DRIVER_FILES:
        _check_readable(name, driver.get(name))
    arguments: dict[str, Any] = {"target_session_attrs": "any", "timeout": None}
    if host is not None:
        arguments |= {"host": [host.name], "port": [host.port]}
    if address.certificates == "system":
        context = ssl.create_default_context()
        context.set_alpn_protocols(["postgresql"])
        if certificate := driver.get("sslcert"):
            context.load_cert_chain(certificate, driver.get("sslkey"), driver.get("sslpassword"))
        arguments["ssl"] = context
    if address.direct_tls:
        arguments["direct_tls"] = True
    # Which kind of session it is is asked here, so that the answer can say which host is what.
    connection: DatabaseConnection = await asyncpg.connect(
        f"postgresql://?{urlencode(driver)}" if driver else None,
        user=address.user,
        password=address.password,
        database=address.database,
        server_settings=settings,
        statement_cache_size=_CACHED_STATEMENTS if cached else 0,
        connection_class=DatabaseConnection,
        **arguments,
    )
    return connection


def _check_readable(name: str, path: str | None) -> None:
    if path is None:
        return
    try:
        with Path(path).open("rb"):
            return
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise DatabaseUnavailable(
            f"PostgreSQL cannot be reached: the file that {name} names cannot be read ({reason})."
        ) from None


async def _ask(connection: _Base) -> _Backend:
    # By an unnamed statement: an old pooler in transaction mode would leave a named one to another client.
    statement = await connection.prepare(sql("backend"), name="")
    row = await statement.fetchrow()
    assert row is not None
    return _Backend(**row)


async def _find_pool_mode(
    connection: DatabaseConnection, address: DatabaseUrl, host: Host | None
) -> PoolMode:
    """Find out whether two clients of a pooler may get the same session."""
    other = await _connect(address, host, "coffeert pooler", cached=False)
    try:
        with suppress(TimeoutError):  # no further session is to be had: each client keeps its own
            async with asyncio.timeout(_POOLER_SECONDS):
                for _ in range(_POOLER_ROUNDS):
                    before = (await _ask(connection)).pid
                    async with other.transaction():
                        if (await _ask(other)).pid == before:
                            return "transaction"
                        if (await _ask(connection)).pid != before:
                            return "transaction"
    finally:
        other.terminate()
    return "session"
