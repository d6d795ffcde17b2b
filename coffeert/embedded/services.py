"""The embedded PostgreSQL and Valkey, shared by all processes that use one data directory."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coffeert.embedded.data_directory import DataDirectory
from coffeert.embedded.lease import exclusive_lock, lease
from coffeert.embedded.postgres import PostgresServer
from coffeert.embedded.valkey import ValkeyServer
from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from threading import Event

    from coffeert.embedded.daemon import Daemon

DATABASE = "coffeert"
_RESTART_TIMEOUT_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class EmbeddedServices:
    """The URLs of the servers, empty for one that was not requested.

    `account` names the account that they run as, if that is not the account of this process.
    """

    database_url: str
    redis_url: str
    data_dir: Path
    account: str | None


@contextmanager
def embedded_services(
    data_dir: Path | None = None,
    *,
    postgres: bool = True,
    valkey: bool = True,
    restart: bool = False,
) -> Iterator[EmbeddedServices]:
    """Use the servers in `data_dir`, starting those that do not run; the last process to leave stops them.

    Blocks for up to about a second on entering and leaving. `data_dir` defaults to this user's own.
    `restart`: a server that dies meanwhile is started again, for long-running processes.
    Raises `EmbeddedError` if a server does not start, or if the data directory cannot be used.
    """
    with ExitStack() as stack:
        with _plain_errors():
            directory = DataDirectory.at(data_dir)
            services = _Services(directory, postgres=postgres, valkey=valkey)
            stack.enter_context(lease(directory.path, services.start, services.stop))
            if restart:
                # Imported here, since it alone needs more than the standard library, for its log.
                from coffeert.embedded.supervisor import supervise

                stack.enter_context(supervise(services.requested(), services.restart))
        yield services.urls()


class _Services:
    """Both servers of a data directory, and which of them are requested."""

    def __init__(self, directory: DataDirectory, *, postgres: bool, valkey: bool) -> None:
        self._directory = directory
        self._postgres = PostgresServer(directory)
        self._valkey = ValkeyServer(directory)
        self._postgres_requested = postgres
        self._valkey_requested = valkey

    def urls(self) -> EmbeddedServices:
        account = self._directory.account
        return EmbeddedServices(
            database_url=self._postgres.database_url(DATABASE) if self._postgres_requested else "",
            redis_url=self._valkey.url if self._valkey_requested else "",
            data_dir=self._directory.path,
            account=account.name if account.drops else None,
        )

    def requested(self) -> Sequence[Daemon]:
        servers = (
            (self._postgres, self._postgres_requested),
            (self._valkey, self._valkey_requested),
        )
        return [server for server, requested in servers if requested]

    def restart(self, leaving: Event) -> None:
        """Start what has died, each independently: orders need PostgreSQL alone.

        Gives up after some seconds, since leaving waits for it; a start that has begun goes on by itself.
        """
        failed: EmbeddedError | None = None
        with (
            _plain_errors(),
            exclusive_lock(self._directory.path, timeout=_RESTART_TIMEOUT_SECONDS),
        ):
            for server in self.requested():
                if leaving.is_set():
                    return
                try:
                    self._restart(server)
                except EmbeddedError as error:
                    failed = error
        if failed is not None:
            raise failed

    def _restart(self, server: Daemon) -> None:
        if server is self._postgres and not self._directory.cluster.exists():
            # An empty cluster in its place would look as if there had never been an order.
            raise EmbeddedError(f"{self._directory.cluster} is gone.")
        with _plain_errors():
            server.start(timeout=_RESTART_TIMEOUT_SECONDS)

    def start(self) -> None:
        if self._valkey_requested:
            self._valkey.start()
        if self._postgres_requested:
            self._postgres.start()
            self._postgres.ensure_database(DATABASE)

    def stop(self) -> None:
        with _plain_errors():
            # Both are signalled before either is waited for: a second Ctrl-C may end the wait.
            self._valkey.request_stop()
            self._postgres.request_stop()
            self._valkey.stop()
            self._postgres.stop()
            self._directory.remove_sockets()


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise EmbeddedError(f"The embedded servers cannot be used: {reason}.") from error
    except subprocess.TimeoutExpired as error:
        raise EmbeddedError(
            f"{error.cmd[0]} hangs: it did not end within {error.timeout:g} s."
        ) from error
