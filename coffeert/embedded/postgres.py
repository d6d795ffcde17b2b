"""A PostgreSQL server on a Unix socket."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol
from urllib.parse import quote

from coffeert.durable_file import flush_directory
from coffeert.embedded.binaries import POSTGRES
from coffeert.embedded.daemon import START_TIMEOUT_SECONDS, Daemon, accepts_connections, reply
from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coffeert.embedded.data_directory import DataDirectory
    from coffeert.embedded.lease import FileLock

PORT = "5432"  # of the socket's name; nothing listens on TCP
SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)  # answered with one letter: yes or no
SUPERUSER = "postgres"
PARTIAL_PREFIX = "postgres-unfinished-"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_buffers": "16MB",  # a whole batch of orders and its neighbours before one flush
    "checkpoint_timeout": "15min",  # fewer full-page images while orders stream in
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",  # our statements are short; compiling them costs more than it saves
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}

StopMode = Literal["smart", "fast", "immediate"]
QUIT, KILL = (Signals.SIGQUIT, 10.0), (Signals.SIGKILL, 5.0)
STOP_SIGNALS: Mapping[StopMode, Sequence[tuple[Signals, float]]] = {
    "smart": [(Signals.SIGTERM, 60.0)],
    "fast": [(Signals.SIGINT, 45.0), QUIT, KILL],
    "immediate": [QUIT, KILL],
}


class Programs(Protocol):
    """PostgreSQL's programs, all of one version such as `15.20`."""

    @property
    def version(self) -> str: ...

    def programs(self, directory: DataDirectory) -> Path:
        """Return a directory with programs that the account of `directory` can run."""


class PostgresServer(Daemon):
    """One PostgreSQL cluster and its server; every connection is the superuser's.

    Without `sync`, initdb does not wait for the disk: only for data that may be lost. `programs` are those
    of the wheel, unless others are given.
    """

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"

    def __init__(
        self,
        directory: Path | DataDirectory,
        *,
        settings: Mapping[str, str] | None = None,
        sync: bool = True,
        programs: Programs = POSTGRES,
    ) -> None:
        super().__init__(directory, settings=settings)
        self._sync = sync
        self._installed = programs

    @property
    def url(self) -> str:
        """The URL of the maintenance database, for asyncpg."""
        return self.database_url("postgres")

    def database_url(self, database: str) -> str:
        """Return the URL of a database on this server, for asyncpg."""
        host = quote(str(self.directory.sockets))
        # Without a port, asyncpg and libpq would use that of PGPORT.
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={host}&port={PORT}"

    def program(self, name: str) -> Path:
        """Return the path of one of PostgreSQL's programs, such as pg_basebackup or psql."""
        return self._programs / name

    @cached_property
    def _programs(self) -> Path:
        return self._installed.programs(self.directory)

    @property
    def _major(self) -> str:
        return self._installed.version.partition(".")[0]

    def execute(self, sql: str, *, database: str = "postgres", timeout: float = 60.0) -> str:
        """Run one statement with psql and return what it prints, columns separated by `|`.

        Raises `EmbeddedError` with the server's message if it fails.
        """
        options = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.directory.sockets), "-p", PORT]
        commands = ["-c", "SET client_min_messages = error", "-c", sql]
        with tempfile.TemporaryFile() as printed:
            status = self.directory.account.run(
                [self.program("psql"), *options, "-U", SUPERUSER, "-d", database, *commands],
                output=printed,
                timeout=timeout,
            )
            printed.seek(0)
            text = printed.read().decode(errors="replace").strip()
        if status != 0:
            raise EmbeddedError(f"PostgreSQL refused a statement: {text}")
        return text

    def ensure_database(self, name: str) -> None:
        """Create the database `name` unless it exists."""
        if name not in self.execute("SELECT datname FROM pg_database").splitlines():
            self.execute(f'CREATE DATABASE "{name}"')

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server if it runs, and return when no process of it is left.

        `smart` waits for clients to disconnect; `immediate` skips the final checkpoint, so that the next
        start recovers from the write-ahead log.
        """
        self._stop(STOP_SIGNALS[mode])

    def _prepare(self, lock: FileLock) -> None:
        self.directory.make_sockets()
        if not self.directory.cluster.exists():
            self._initialise(lock)
        self._require_usable()
        self._remove_stale_files()

    def _initialise(self, lock: FileLock) -> None:
        # In a directory beside it, renamed at the end, so that a cluster is either complete or absent.
        for partial in self.directory.path.glob(f"{PARTIAL_PREFIX}*"):
            shutil.rmtree(partial)
        cluster = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=self.directory.path))
        self.directory.account.take(cluster)
        options = ["--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--locale=C"]
        options += ["--no-instructions"]
        if int(self._major) >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self._sync:
            options.append("--no-sync")
        with self.directory.new_log("initdb.log") as log:
            status = self.directory.account.run(
                [self.program("initdb"), "-D", cluster, *options],
                output=log,
                inherit=[lock.fileno()],  # if this process is killed, no other starts beside it
                timeout=START_TIMEOUT_SECONDS,
            )
        if status != 0:
            log_file = self.directory.log("initdb.log")
            raise self._failure("PostgreSQL's data could not be initialised", log_file)
        cluster.rename(self.directory.cluster)
        flush_directory(self.directory.path)

    def _require_usable(self) -> None:
        cluster, account = self.directory.cluster, self.directory.account
        if cluster.stat().st_uid != account.uid:
            raise EmbeddedError(f"{cluster} does not belong to {account.name}.")
        try:
            written = (cluster / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise EmbeddedError(f"{cluster} is not PostgreSQL's data; move it away.") from None
        if written != self._major:
            raise EmbeddedError(
                f"The data in {cluster} were written by PostgreSQL {written}, and the one installed "
                f"is {self._major}. Dump them with version {written} and restore, or choose another data "
                "directory."
            )

    def _remove_stale_files(self) -> None:
        """Remove what a killed server left: its process id may be another program's by now."""
        status = self._status()
        if len(status) >= 5 and accepts_connections(Path(status[4], f".s.PGSQL.{status[3]}")):
            raise EmbeddedError(
                f"PostgreSQL already runs on {self.directory.cluster} as process {status[0]}, and "
                "coffeert did not start it; stop it first."
            )
        self._pid_file.unlink(missing_ok=True)
        self._socket.unlink(missing_ok=True)
        self._socket.with_name(f"{self._socket.name}.lock").unlink(missing_ok=True)

    def _command(self) -> Sequence[str | Path]:
        settings = {
            **SETTINGS,
            "unix_socket_directories": str(self.directory.sockets),
            **self.settings,
        }
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        return [self.program("postgres"), "-D", self.directory.cluster, *options]

    def _answers(self) -> bool:
        status = self._status()
        if len(status) < 8 or status[7].strip() != "ready":
            return False
        # A server that is being killed still accepts connections for a moment, but does not reply.
        return reply(self._socket, SSL_REQUEST) in {b"N", b"S"}

    def _stop_signals(self) -> Sequence[tuple[Signals, float]]:
        return STOP_SIGNALS["fast"]

    def _status(self) -> list[str]:
        """The lines of postmaster.pid: id, data, start, port, sockets, address, memory, state."""
        try:
            return self._pid_file.read_text().splitlines()
        except FileNotFoundError:
            return []

    @property
    def _pid_file(self) -> Path:
        return self.directory.cluster / "postmaster.pid"

    @property
    def _socket(self) -> Path:
        return self.directory.sockets / f".s.PGSQL.{PORT}"
