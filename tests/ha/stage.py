"""Everything on one machine: Patroni, Sentinels, HAProxy, and two coffeert servers behind it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import aiohttp
import asyncpg

from coffeert.errors import DatabaseUnavailable
from coffeert.postgres.migrations import migrate
from tests.end_to_end.processes import Command, Shell
from tests.ha.patroni import DEPLOY, PatroniCluster, patroni_cluster
from tests.ha.programs import Program, running
from tests.ports import free_port
from tests.redis_groups import RedisGroup, watched_by_sentinels
from tests.servers import temporary_directory


@dataclass
class Stage:
    """What faults are done to. `url` is coffeert by way of HAProxy, `database_url` PostgreSQL's primary."""

    postgres: PatroniCluster
    redis: RedisGroup
    shell: Shell
    url: str
    database_url: str
    ports: tuple[int, int]
    servers: dict[int, Command]

    async def start_server(self, port: int) -> None:
        """Start a server at its port, and wait until it is ready for both purposes."""
        self.servers[port] = self.shell.start("serve", "--port", str(port))
        await self.servers[port].url()
        await self._ready(f"http://127.0.0.1:{port}")

    async def whole(self) -> None:
        """Wait until every part is well, so that the next fault meets what the first one met."""
        await asyncio.to_thread(self.postgres.wait_until_whole)
        async with asyncio.timeout(90):
            while not await asyncio.to_thread(self.redis.healthy):
                await asyncio.sleep(0.1)
        for port in self.ports:
            await self._ready(f"http://127.0.0.1:{port}")
        await self._ready(self.url)

    async def connect(self) -> asyncpg.Connection[asyncpg.Record]:
        """Connect to the primary, as soon as there is one."""
        async with asyncio.timeout(60):
            while True:
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    return await asyncpg.connect(self.database_url, timeout=5)
                await asyncio.sleep(0.1)

    async def stored(self) -> Counter[UUID]:
        """Count the rows of each key."""
        connection = await self.connect()
        try:
            return Counter(row[0] for row in await connection.fetch("SELECT order_id FROM orders"))
        finally:
            await connection.close()

    async def leading_port(self) -> int:
        """The port of the server whose aggregator leads."""
        connection = await self.connect()
        try:
            name = str(await connection.fetchval("SELECT leader FROM aggregator_state"))
        finally:
            await connection.close()
        for port, server in self.servers.items():
            if name.endswith(f":{server.pid}"):
                return port
        return self.ports[0]

    async def _ready(self, url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=3)
        async with aiohttp.ClientSession(timeout=timeout) as http, asyncio.timeout(90):
            while True:
                with suppress(aiohttp.ClientError, TimeoutError, OSError, KeyError):
                    async with http.get(f"{url}/readyz?for=orders") as answer:
                        parts = (await answer.json(content_type=None))["parts"]
                    if (
                        answer.status == 200
                        and _well(parts["redis"])
                        and _well(parts["aggregator"])
                    ):
                        return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """Start everything in a temporary directory; at the end nothing of it is left."""
    with ExitStack() as stack:
        directory = stack.enter_context(temporary_directory())
        stack.callback(_keep_logs, directory)
        postgres = await asyncio.to_thread(stack.enter_context, patroni_cluster(directory))
        redis_directory = directory / "redis"
        redis_directory.mkdir()
        redis = await asyncio.to_thread(
            stack.enter_context,
            watched_by_sentinels(redis_directory, config=DEPLOY / "redis.conf"),
        )
        database_port, front, *ports = (free_port() for _ in range(4))
        haproxy = _haproxy(directory, postgres, database_port, front, ports)
        stack.enter_context(running(haproxy))
        login = f"postgres:{postgres.password}@127.0.0.1:{database_port}"
        shell = Shell(
            _made(directory / "coffeert"),
            {"database_url": f"postgresql://{login}/coffeert", "redis_url": redis.url},
        )
        made = Stage(
            postgres,
            redis,
            shell,
            f"http://127.0.0.1:{front}",
            shell.settings["database_url"],
            (ports[0], ports[1]),
            {},
        )
        await _make_database(f"postgresql://{login}/postgres", made.database_url)
        try:
            for port in made.ports:
                await made.start_server(port)
            await made.whole()
            yield made
        finally:
            await asyncio.to_thread(shell.close)


async def _make_database(anywhere: str, url: str) -> None:
    """Make the database and its schema, as soon as HAProxy leads to the primary."""
    unavailable = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DatabaseUnavailable)
    async with asyncio.timeout(60):
        while True:
            with suppress(*unavailable):
                connection = await asyncpg.connect(anywhere, timeout=5)
                with suppress(asyncpg.DuplicateDatabaseError):
                    await connection.execute("CREATE DATABASE coffeert")
                await connection.close()
                await migrate(url)
                return
            await asyncio.sleep(0.1)


def _haproxy(
    directory: Path, postgres: PatroniCluster, database_port: int, front: int, ports: list[int]
) -> Program:
    environment = {
        "POSTGRES_ADDRESS": f"127.0.0.1:{database_port}",
        "COFFEERT_ADDRESS": f"127.0.0.1:{front}",
        **{f"COFFEERT{n}": f"127.0.0.1:{port}" for n, port in enumerate(ports, 1)},
        **{f"PG{n}": f"127.0.0.1:{node.port}" for n, node in enumerate(postgres.nodes, 1)},
        **{f"PG{n}_PATRONI_PORT": str(node.api_port) for n, node in enumerate(postgres.nodes, 1)},
    }
    command: list[str | Path] = [str(shutil.which("haproxy")), "-f", DEPLOY / "haproxy.cfg", "-db"]
    return Program("haproxy", directory, command, environment=environment)


def _keep_logs(directory: Path) -> None:
    place = os.environ.get("COFFEERT_KEEP")
    for log in directory.rglob("*") if place else ():
        if log.suffix in {".log", ".err"} or log.name == "log":
            shutil.copy(log, Path(str(place)) / "-".join(log.relative_to(directory).parts))


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _well(part: dict[str, object]) -> bool:
    return part.get("ok") is not False
