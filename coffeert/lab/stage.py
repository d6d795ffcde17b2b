"""The stage: temporary PostgreSQL and Valkey, databases on them, and real server processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import psutil

from coffeert.embedded import PostgresServer, ValkeyServer
from coffeert.errors import ServerUnavailable
from coffeert.lab.bare import free_port
from coffeert.lab.caretaker import cared_for
from coffeert.postgres.migrations import migrate
from coffeert.postgres.pool import close, connect
from coffeert.redis_bus.connection import close_client, open_client

_PREFIX = "coffeert-lab-"
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A `coffeert serve`: its address, and its processes."""

    url: str
    process: psutil.Process
    started_in: float

    @property
    def port(self) -> int:
        """Return the port on loopback."""
        return urlsplit(self.url).port or 0

    def processes(self) -> list[psutil.Process]:
        """Return the server and its workers."""
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> int:
        """Return the resident bytes of all of them."""
        return sum(int(process.memory_info().rss) for process in self.processes())


class Stage:
    """The databases' servers of one run of the lab.

    Where URLs are given those are used: databases are made beside the existing ones and dropped, and
    Redis should be nobody else's.
    """

    def __init__(self, directory: Path, postgres_url: str, redis_url: str) -> None:
        self.directory = directory
        self.redis_url = redis_url
        self._postgres_url = postgres_url
        self._numbers = count(1)

    @asynccontextmanager
    async def database(self, *, keep_redis: bool = False) -> AsyncIterator[str]:
        """Make a migrated database, empty, and drop it afterwards; Redis is emptied for it."""
        name = f"coffeert_lab_{os.getpid()}_{next(self._numbers)}"
        await self._execute(f'CREATE DATABASE "{name}"')
        redis = open_client(self.redis_url)
        try:
            if not keep_redis:
                await redis.flushdb()
            url = _database_url(self._postgres_url, name)
            await migrate(url)
            yield url
        finally:
            await close_client(redis)
            await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    @asynccontextmanager
    async def server(self, database_url: str, **settings: object) -> AsyncIterator[RunningServer]:
        """Run `coffeert serve` with settings, until the end of the block."""
        port = free_port()
        given = {
            "database_url": database_url, "redis_url": self.redis_url, "port": port,
            "log_level": "warning", **settings,
        }  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COFFEERT_")}
        environment |= {f"COFFEERT_{name.upper()}": str(value) for name, value in given.items()}
        loop = asyncio.get_running_loop()
        began = loop.time()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "coffeert", "serve", "--attended",  # it ends when the lab is gone
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
            env=environment, cwd=self.directory,
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            await _until_ready(url, process)
            yield RunningServer(url, psutil.Process(process.pid), loop.time() - began)
        finally:
            await _stopped(process)

    def file(self, name: str) -> str:
        """Name a new file for something temporary."""
        return str(self.directory / f"{name}-{next(self._numbers)}")

    def postgres_processes(self) -> list[psutil.Process]:
        """Return the embedded PostgreSQL's processes; none where a URL was given."""
        return _tree(self.directory / "postgres" / "postmaster.pid")

    def redis_processes(self) -> list[psutil.Process]:
        """Return the embedded Valkey's processes; none where a URL was given."""
        return _tree(self.directory / "run" / "valkey.pid")

    async def _execute(self, statement: str) -> None:
        connection = await connect(self._postgres_url, application_name="coffeert lab")
        try:
            await connection.execute(statement)
        finally:
            await close(connection)


@contextmanager
def open_stage(postgres_url: str = "", redis_url: str = "") -> Iterator[Stage]:
    """Start the servers that no URL is given for, durable and on a real disk; end them afterwards.

    Raises `EmbeddedError`.
    """
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    postgres = None if postgres_url else PostgresServer(directory)
    valkey = None if redis_url else ValkeyServer(directory)
    with cared_for(directory):
        try:
            if postgres:
                postgres.start()
            if valkey:
                valkey.start()
            yield Stage(
                directory,
                postgres.url if postgres else postgres_url,
                valkey.url if valkey else redis_url,
            )
        finally:
            if valkey:
                valkey.stop()
            if postgres:
                postgres.stop("immediate")
            shutil.rmtree(directory, ignore_errors=True)


async def _until_ready(url: str, process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(_START_TIMEOUT), aiohttp.ClientSession() as session:
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
    raise ServerUnavailable("The server under test did not start; its words are above.")


async def _stopped(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _database_url(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _tree(pid_file: Path) -> list[psutil.Process]:
    try:
        root = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        return [root, *root.children(recursive=True)]
    except (OSError, ValueError, psutil.Error):
        return []
