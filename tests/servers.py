"""The real PostgreSQL and Valkey that a test run starts for itself and throws away."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis

from coffeert.embedded import PostgresServer, ValkeyServer
from coffeert.embedded.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator

DISK, MEMORY = Path("/tmp"), Path("/dev/shm")
ROOM = 4 << 30  # bytes that must be free in memory to have the data there
PREFIX = "coffeert-tests-"
NOEXEC = 8  # ST_NOEXEC, which the os module has on Linux only
IN_USE = "in-use"
TEMPLATE = "coffeert_template"
# A crash of the machine may lose a test's data.
FAST = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A new directory, short enough for a socket, that an account without privileges may enter."""
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place()))
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    with FileLock(directory / IN_USE) as lock:
        assert lock.try_exclusive()
        try:
            yield directory
        finally:
            shutil.rmtree(directory)


def _place() -> Path:
    # A database is 300 files: to create them takes 100 ms on a disk and 10 ms in memory.
    try:
        memory = os.statvfs(MEMORY)
    except FileNotFoundError:
        return DISK
    roomy = memory.f_bavail * memory.f_frsize >= ROOM
    usable = os.access(MEMORY, os.W_OK) and not memory.f_flag & NOEXEC
    return MEMORY if roomy and usable else DISK


class TestServers:
    """One PostgreSQL and one Valkey for all tests of one process; each test gets a clean part."""

    __test__ = False  # not a class of tests

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.postgres = PostgresServer(directory, settings=FAST, sync=False)
        self.valkey = ValkeyServer(directory)
        self._numbers = count(1)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The address of a new database, dropped afterwards with whoever is still connected."""
        name = f"test_{next(self._numbers)}"
        self.postgres.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.postgres.database_url(name)
        finally:
            self.postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def clean_valkey(self) -> str:
        """The address of the Valkey, empty and without clients.

        The tests of one process run one after another, so one server isolates them fully, its
        channels too, which databases by number would not.
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
    """Starts servers for this process, and stops them whatever happens in the block."""
    remove_abandoned()
    with temporary_directory() as directory:
        servers = TestServers(directory)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


def remove_abandoned() -> None:
    """Stops and removes what test runs that were killed have left."""
    for mark in (*DISK.glob(f"{PREFIX}*/{IN_USE}"), *MEMORY.glob(f"{PREFIX}*/{IN_USE}")):
        with suppress(OSError), FileLock(mark, create=False) as lock:  # or it is another user's
            if lock.try_exclusive():
                for postgres in mark.parent.rglob("postgres.lock"):
                    PostgresServer(postgres.parent).stop("immediate")
                for valkey in mark.parent.rglob("valkey.lock"):
                    ValkeyServer(valkey.parent).stop()
                shutil.rmtree(mark.parent)
