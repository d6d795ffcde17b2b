"""The environment of a run: temporary PostgreSQL and Valkey, databases on them, and server processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import psutil

from coffeert.embedded import PostgresServer, ValkeyServer
from coffeert.errors import ServerUnavailable
from coffeert.lab.cleanup import cleanup_on_kill
from coffeert.lab.worker_process import wait_or_kill
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import Connection, close, connect
from coffeert.redis_bus.connection import close_client, open_client

_START_TIMEOUT_SECONDS = 30.0
_STOP_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running `coffeert serve`; `started_in` is in seconds."""

    url: str
    process: psutil.Process
    started_in: float

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> int:
        """Return the resident bytes of the server and its workers."""
        return sum(int(process.memory_info().rss) for process in self.processes())


class Environment:
    """The PostgreSQL and Redis servers of one run of the lab.

    Servers at given URLs are shared: databases are made beside the existing ones and dropped. Redis is
    emptied, so it must serve nothing else. `postgres` is None if a URL was given.
    """

    def __init__(
        self,
        directory: Path,
        postgres_url: str,
        redis_url: str,
        postgres: PostgresServer | None = None,
    ) -> None:
        self.directory = directory
        self.postgres = postgres
        self.redis_url = redis_url
        self._postgres_url = postgres_url
        self._numbers = count(1)

    @asynccontextmanager
    async def database(self, *, keep_redis: bool = False) -> AsyncIterator[str]:
        """Create an empty migrated database, yield its URL, and drop it; Redis is emptied for it."""
        name = f"coffeert_lab_{os.getpid()}_{next(self._numbers)}"
        await self._execute(f'CREATE DATABASE "{name}"')
        redis = open_client(self.redis_url)
        try:
            if not keep_redis:
                await redis.flushdb()
            url = urlunsplit(urlsplit(self._postgres_url)._replace(path=f"/{name}"))
            await migrate(url)
            yield url
        finally:
            await close_client(redis)
            await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    @asynccontextmanager
    async def server(self, database_url: str, **settings: object) -> AsyncIterator[ServerProcess]:
        """Run `coffeert serve` with settings until the end of the block.

        Raises `ServerUnavailable` if it does not start.
        """
        port = free_port()
        given = {
            "database_url": database_url, "redis_url": self.redis_url, "port": port,
            "log_level": "error",  # under overload it would warn each few seconds amid the lab's output
            **settings,
        }  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COFFEERT_")}
        environment |= {f"COFFEERT_{name.upper()}": str(value) for name, value in given.items()}
        loop = asyncio.get_running_loop()
        began = loop.time()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "coffeert", "serve", "--attended",  # it exits with the lab
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
            env=environment, cwd=self.directory,
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            await _wait_until_ready(url, process)
            yield ServerProcess(url, psutil.Process(process.pid), loop.time() - began)
        finally:
            if process.returncode is None:
                process.terminate()
            await wait_or_kill(process, _STOP_TIMEOUT_SECONDS)

    def file(self, name: str) -> str:
        """Return the path of a new temporary file."""
        return str(self.directory / f"{name}-{next(self._numbers)}")

    def postgres_processes(self) -> list[psutil.Process]:
        """Return the embedded PostgreSQL's processes; none if a URL was given."""
        return embedded_processes(self.directory, "postgres")

    def redis_processes(self) -> list[psutil.Process]:
        """Return the embedded Valkey's processes; none if a URL was given."""
        return embedded_processes(self.directory, "valkey")

    async def _execute(self, statement: str) -> None:
        async with connection_to(self._postgres_url) as connection:
            await connection.execute(statement)


@contextmanager
def open_environment(
    postgres_url: str = "", redis_url: str = "", *, settings: Mapping[str, str] | None = None
) -> Iterator[Environment]:
    """Start the servers that no URL is given for, durable and on a real disk, and stop them afterwards.

    `settings` are those of PostgreSQL, if it is started. Raises `EmbeddedError`.
    """
    directory = Path(tempfile.mkdtemp(prefix="coffeert-lab-"))
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    postgres = None if postgres_url else PostgresServer(directory, settings=settings)
    valkey = None if redis_url else ValkeyServer(directory)
    with cleanup_on_kill(directory):
        try:
            if postgres:
                postgres.start()
            if valkey:
                valkey.start()
            yield Environment(
                directory,
                postgres.url if postgres else postgres_url,
                valkey.url if valkey else redis_url,
                postgres,
            )
        finally:
            if valkey:
                valkey.stop()
            if postgres:
                postgres.stop("immediate")
            shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def connection_to(database_url: str) -> AsyncIterator[Connection]:
    """Hold a connection to a database for the block."""
    connection = await connect(database_url, application_name="coffeert lab")
    try:
        yield connection
    finally:
        await close(connection)


def free_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def _wait_until_ready(url: str, process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(_START_TIMEOUT_SECONDS), aiohttp.ClientSession() as session:
            while process.returncode is None:
                try:
                    async with session.get(f"{url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.01)
    except TimeoutError:
        pass
    raise ServerUnavailable("The server under test did not start; its output is above.")


def embedded_processes(
    directory: Path, server: Literal["postgres", "valkey"]
) -> list[psutil.Process]:
    """Return the processes of an embedded server in a data directory, none if it is not running."""
    pid_file = "postgres/postmaster.pid" if server == "postgres" else "run/valkey.pid"
    try:
        root = psutil.Process(int((directory / pid_file).read_text().splitlines()[0]))
        return [root, *root.children(recursive=True)]
    except (OSError, ValueError, psutil.Error):
        return []
