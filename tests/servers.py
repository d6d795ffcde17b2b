"""The real PostgreSQL and Valkey that a test run starts for itself and throws away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis

from coffeert.embedded import PostgresServer, ValkeyServer
from coffeert.embedded.binaries import POSTGRES
from coffeert.embedded.lease import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coffeert.embedded import DataDirectory

DISK, MEMORY = Path("/tmp"), Path("/dev/shm")
MIN_FREE_MEMORY_BYTES = 4 << 30  # to keep the data there
PREFIX = "coffeert-tests-"
NOEXEC = 8  # ST_NOEXEC, which the os module has on Linux only
IN_USE = "in-use"
TEMPLATE = "coffeert_template"
# If the machine crashes, a test's data may be lost.
FAST = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


@dataclass(frozen=True)
class InstalledPostgres:
    """The programs of a PostgreSQL that is installed on the machine, in a directory of their own."""

    directory_of_programs: Path

    @cached_property
    def version(self) -> str:
        program = self.directory_of_programs / "postgres"
        said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
        return said.stdout.split()[2]

    def programs(self, directory: DataDirectory) -> Path:
        return self.directory_of_programs


def postgres_server(
    directory: Path, *, settings: Mapping[str, str] | None = None, sync: bool = False
) -> PostgresServer:
    """A PostgreSQL for tests: the wheel's, or of the programs in the folder COFFEERT_TEST_PG_BIN."""
    folder = os.environ.get("COFFEERT_TEST_PG_BIN")
    programs = InstalledPostgres(Path(folder)) if folder else POSTGRES
    return PostgresServer(directory, settings=settings, sync=sync, programs=programs)


def postgres_with_tls(directory: Path, *, settings: Mapping[str, str]) -> PostgresServer | None:
    """A PostgreSQL that can do TLS, which the wheel's cannot; `None` if the machine has none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    folder = os.environ.get("COFFEERT_TEST_PG_BIN") or (folders[-1] if folders else None)
    if folder is None:
        return None
    programs = InstalledPostgres(Path(folder))
    return PostgresServer(directory, settings=settings, sync=False, programs=programs)


def valkey_server(directory: Path) -> ValkeyServer:
    """A Valkey for tests: the wheel's, or the program COFFEERT_TEST_REDIS, which may be Redis."""
    program = os.environ.get("COFFEERT_TEST_REDIS")
    return ValkeyServer(directory, program=Path(program) if program else None)


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A new directory, short enough for a socket, that an unprivileged account may enter."""
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_parent_directory()))
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    with FileLock(directory / IN_USE) as lock:
        assert lock.try_exclusive()
        try:
            yield directory
        finally:
            shutil.rmtree(directory)


def _parent_directory() -> Path:
    # A database is 300 files: creating them takes 100 ms on a disk and 10 ms in memory.
    try:
        memory = os.statvfs(MEMORY)
    except FileNotFoundError:
        return DISK
    large_enough = memory.f_bavail * memory.f_frsize >= MIN_FREE_MEMORY_BYTES
    usable = os.access(MEMORY, os.W_OK) and not memory.f_flag & NOEXEC
    return MEMORY if large_enough and usable else DISK


class TestServers:
    """One PostgreSQL and one Valkey for all tests of one process; each test gets a clean part."""

    __test__ = False  # not a class of tests

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.postgres = postgres_server(directory, settings=FAST)
        self.valkey = valkey_server(directory)
        self._numbers = count(1)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a new database, dropped afterwards with its remaining connections."""
        name = f"test_{next(self._numbers)}"
        # Copying files is faster than writing their pages to the log, since nothing waits for the disk.
        self.postgres.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.postgres.database_url(name)
        finally:
            self.postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def clean_valkey(self) -> str:
        """The URL of the Valkey, empty and without clients.

        The tests of one process run one after another, so one server isolates them fully, its
        channels included, which numbered databases would not.
        """
        self.valkey.start()
        with Redis.from_url(self.valkey.url) as redis:
            for kind in ("normal", "pubsub"):
                redis.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            redis.flushall()
            redis.script_flush()
            redis.function_flush()
            redis.config_resetstat()
        return self.valkey.url

    def start(self) -> None:
        self.postgres.start()
        self.valkey.start()

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop("immediate")


@contextmanager
def running_servers() -> Iterator[TestServers]:
    """Servers for this process, stopped at the end of the block."""
    remove_abandoned()
    with temporary_directory() as directory:
        servers = TestServers(directory)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


def remove_abandoned() -> None:
    """Stop and remove the servers of test runs that were killed."""
    for mark in (*DISK.glob(f"{PREFIX}*/{IN_USE}"), *MEMORY.glob(f"{PREFIX}*/{IN_USE}")):
        with suppress(OSError), FileLock(mark, create=False) as lock:  # or it is another user's
            if lock.try_exclusive():
                for postgres in mark.parent.rglob("postgres.lock"):
                    PostgresServer(postgres.parent).stop("immediate")
                for valkey in mark.parent.rglob("valkey.lock"):
                    ValkeyServer(valkey.parent).stop()
                shutil.rmtree(mark.parent)
