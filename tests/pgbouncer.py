"""A PgBouncer in front of a test's PostgreSQL, with the configuration that its package comes with."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from coffeert.embedded import PostgresServer
from tests.ports import free_port
from tests.servers import temporary_directory

PROGRAM = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="needs PgBouncer")


class PgBouncer:
    """A pooler on a port of its own; `kill` and `start` it again."""

    def __init__(
        self,
        postgres: PostgresServer,
        directory: Path,
        mode: Literal["session", "transaction"],
        *,
        size: int,
    ) -> None:
        self.port = free_port()
        self._account = postgres.directory.account
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        users = directory / "users.txt"
        users.write_text('"postgres" ""\n')
        self._settings = directory / "pgbouncer.ini"
        self._settings.write_text(
            f"[databases]\n* = host={postgres.directory.sockets} port=5432\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\npool_mode = {mode}\ndefault_pool_size = {size}\n"
            f"logfile = {directory}/pgbouncer.log\n"
        )

    def url(self, database: str) -> str:
        """The URL of a database by way of this pooler."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it."""
        assert PROGRAM is not None
        os.chown(self._directory, self._account.uid, -1)
        self._process = subprocess.Popen(
            [PROGRAM, "-q", self._settings], user=self._account.uid, stderr=subprocess.DEVNULL
        )

    def is_listening(self) -> bool:
        """Whether it accepts connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it as a crash does, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def pgbouncer_before(
    postgres: PostgresServer, mode: Literal["session", "transaction"], *, size: int = 20
) -> Iterator[PgBouncer]:
    """A running PgBouncer in front of a server, which gives each database `size` sessions."""
    with temporary_directory() as directory:
        pooler = PgBouncer(postgres, directory, mode, size=size)
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.kill()
