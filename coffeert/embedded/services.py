"""The embedded default: PostgreSQL and Valkey for whoever has named no other."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coffeert.embedded.data_directory import DataDirectory
from coffeert.embedded.lease import attached, turn
from coffeert.embedded.postgres import PostgresServer
from coffeert.embedded.valkey import ValkeyServer
from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from threading import Event

    from coffeert.embedded.daemon import Daemon

DATABASE = "coffeert"
_AGAIN_TIMEOUT = 4.0  # seconds


@dataclass(frozen=True, slots=True)
class EmbeddedServices:
    """Where the servers are; the address of one that was not asked for is empty."""

    database_url: str
    redis_url: str
    data_dir: Path


@contextmanager
def embedded_services(
    data_dir: Path | None = None,
    *,
    postgres: bool = True,
    valkey: bool = True,
    revive: bool = False,
) -> Iterator[EmbeddedServices]:
    """Attaches to the servers in `data_dir`, starting those that do not run; the last out stops them.

    Blocks for up to about a second on entering and leaving. `data_dir` defaults to this user's own.
    `revive`: a server that dies meanwhile is started again, for those who stay.

    Raises:
        EmbeddedError: a server does not start, or the data directory cannot be used.
    """
    with ExitStack() as leaving:
        with _plain_errors():
            directory = DataDirectory.at(data_dir)
            services = _Services(directory, postgres=postgres, valkey=valkey)
            leaving.enter_context(attached(directory.path, services.start, services.stop))
            if revive:
                # It logs, and is all here that needs more than the standard library.
                from coffeert.embedded.supervisor import revived

                leaving.enter_context(revived(services.wanted(), services.start_again))
        yield services.addresses()


class _Services:
    """Both servers of one data directory, and which of them is asked for."""

    def __init__(self, directory: DataDirectory, *, postgres: bool, valkey: bool) -> None:
        self._directory = directory
        self._postgres = PostgresServer(directory)
        self._valkey = ValkeyServer(directory)
        self._wants_postgres = postgres
        self._wants_valkey = valkey

    def addresses(self) -> EmbeddedServices:
        return EmbeddedServices(
            database_url=self._postgres.database_url(DATABASE) if self._wants_postgres else "",
            redis_url=self._valkey.url if self._wants_valkey else "",
            data_dir=self._directory.path,
        )

    def wanted(self) -> Sequence[Daemon]:
        asked = ((self._postgres, self._wants_postgres), (self._valkey, self._wants_valkey))
        return [server for server, wanted in asked if wanted]

    def start_again(self, leaving: Event) -> None:
        """Starts what has died, each for itself: orders need PostgreSQL alone.

        Gives up after some seconds, as leaving waits for it; what was begun goes on by itself.
        """
        failed: EmbeddedError | None = None
        with _plain_errors(), turn(self._directory.path, timeout=_AGAIN_TIMEOUT):
            for server in self.wanted():
                if leaving.is_set():
                    return
                try:
                    self._start_again(server)
                except EmbeddedError as error:
                    failed = error
        if failed is not None:
            raise failed

    def _start_again(self, server: Daemon) -> None:
        if server is self._postgres and not self._directory.cluster.exists():
            # An empty one in its place would look as if there had never been an order.
            raise EmbeddedError(f"{self._directory.cluster} is gone.")
        with _plain_errors():
            server.start(timeout=_AGAIN_TIMEOUT)

    def start(self) -> None:
        if self._wants_valkey:
            self._valkey.start()
        if self._wants_postgres:
            self._postgres.start()
            self._postgres.ensure_database(DATABASE)

    def stop(self) -> None:
        with _plain_errors():
            # Both are told before either is waited for: a second Ctrl-C may cut the waiting short.
            self._valkey.ask_to_stop()
            self._postgres.ask_to_stop()
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
        raise EmbeddedError(f"{error.cmd[0]} hangs; it was given {error.timeout} s.") from error
