"""A streaming standby of a server, which tests may stop, start and promote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coffeert.embedded import PostgresServer
from tests.servers import postgres_server, temporary_directory


class Standby:
    """A copy of a running server in a directory of its own; `start` begins to stream."""

    def __init__(self, primary: PostgresServer, directory: Path) -> None:
        self._running = False
        self._server = postgres_server(directory)
        self._account = self._server.directory.account
        self._server.directory.make_sockets()
        cluster = self._server.directory.cluster
        cluster.mkdir(mode=0o700)
        self._account.take(cluster)
        sockets = primary.directory.sockets
        source: list[str | Path] = ["-h", sockets, "-p", "5432", "-U", "postgres", "-D", cluster]
        copy = [primary.program("pg_basebackup"), *source, "-R", "-c", "fast"]
        assert self._account.run(copy, timeout=60) == 0

    @property
    def socket_directory(self) -> Path:
        """Where it listens."""
        return self._server.directory.sockets

    def url(self, database: str) -> str:
        """The URL of its copy of a database."""
        return self._server.database_url(database)

    def start(self) -> None:
        """Start it, or go on after a stop, unless it runs."""
        if self._running:
            return
        options = "-c listen_addresses= -c max_connections=200 -c fsync=off"
        self._control("-w", "-o", f"{options} -k {self.socket_directory}", "start")
        self._running = True

    def stop(self) -> None:
        """Stop it at once, if it runs: what has not arrived stays with the primary."""
        if self._running:
            self._control("-m", "immediate", "stop")
            self._running = False

    def promote(self) -> None:
        """Make it a primary."""
        self._control("-w", "promote")

    def _control(self, *arguments: str) -> None:
        program: list[str | Path] = [self._server.program("pg_ctl"), "-D"]
        program.append(self._server.directory.cluster)
        assert self._account.run([*program, *arguments], timeout=60) == 0


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[Standby]:
    """A standby that streams from a server; stopped at the end if it runs."""
    with temporary_directory() as directory:
        standby = Standby(primary, directory)
        standby.start()
        try:
            yield standby
        finally:
            standby.stop()
