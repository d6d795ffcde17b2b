"""The stage of one run: servers and processes of its own, with a proxy between any two parts."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from urllib.parse import quote
from uuid import UUID

import aiohttp
import asyncpg

from coffeert.embedded import PostgresServer, ValkeyServer
from coffeert.postgres.migrations import migrate
from tests.end_to_end.processes import Command, Shell
from tests.ports import free_port
from tests.servers import FAST, postgres_server, temporary_directory, valkey_server
from tests.torture.proxy import Proxy

SOCKET = ".s.PGSQL.5432"
_SETTINGS = {
    "aggregation_interval": "0.2",
    "heartbeat_interval": "0.3",
    "slow_client_timeout": "1.5",
    "header_timeout": "2",
    "body_timeout": "2",
}


class FollowingReader(Protocol):
    """A reader of the feed: what it has read so far, and how often its cursor led nowhere."""

    restarts: int

    @property
    def ids(self) -> list[UUID]:
        """The orders, in the order in which it read them."""


class Stage:
    """Everything a fault can be done to. `url` is where clients and watchers connect: a proxy.

    Other proxies stand before PostgreSQL and Redis. There are a server, which does not aggregate, and
    two aggregators. Orders in `restored_away` went with what an earlier copy has replaced; if
    `received_again`, a lost order may have been stored anew, with another `received_at`. Servers at
    `other_urls` are watched too, and `other_readers` checked. The server is `workers` processes.
    """

    def __init__(self, postgres: PostgresServer, valkey: ValkeyServer, shell: Shell) -> None:
        self.postgres = postgres
        self.valkey = valkey
        self.shell = shell
        self.port = free_port()
        self.strangers: list[str] = []
        self.lifted = 0.0
        self.moved_to: str | None = None
        self.maybe: list[str] = []
        self.restored_away: set[UUID] = set()
        self.received_again = False
        self.other_urls: list[str] = []
        self.other_readers: list[FollowingReader] = []
        self.workers = 1
        self.server_variables: Mapping[str, str] = {}
        self.server: Command
        self.aggregators: list[Command] = []
        self.front: Proxy
        self.before_postgres: Proxy
        self.before_redis: Proxy

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.front.port}"

    @property
    def direct_url(self) -> str:
        """The server itself, past the proxy."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        """The database itself, past the proxy."""
        return self.moved_to or self.postgres.database_url("torture")

    async def start_server(self) -> None:
        """Start the server at its port, as a supervisor would."""
        if self.workers > 1:
            self.server = self.shell.start(
                *("serve", "--no-aggregator", "--port", str(self.port)),
                *("--workers", str(self.workers)),
                variables=self.server_variables,
            )
            return
        self.server, _ = await self.shell.serve(
            "--no-aggregator", port=self.port, variables=self.server_variables
        )

    def start_aggregator(self) -> None:
        """Start one more aggregator."""
        self.aggregators.append(self.shell.start("aggregate"))

    async def leader(self) -> Command:
        """Return the aggregator that leads."""
        async with asyncio.timeout(30):
            while True:
                name = str((await self.state())["leader"])
                for command in self.aggregators:
                    if command.running and name.endswith(f":{command.pid}"):
                        return command
                await asyncio.sleep(0.05)

    async def state(self) -> Mapping[str, object]:
        """Read the aggregator's state row."""
        connection = await asyncpg.connect(self.database_url)
        try:
            row = await connection.fetchrow(
                "SELECT leader, fencing_token, pass, lineage::text FROM aggregator_state"
            )
        finally:
            await connection.close()
        assert row is not None
        return dict(row)

    def lift(self) -> None:
        """Note that a fault is over from now, or that there is nothing to wait for but healing."""
        self.lifted = asyncio.get_running_loop().time()

    async def healed(self, within: float = 60) -> float:
        """Wait until every part says that it is well, and return the seconds since `lift`."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        told: object = None
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as http:
            while loop.time() - started < within:
                with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
                    async with http.get(f"{self.direct_url}/readyz") as response:
                        told = await response.json()
                    if response.status == 200 and not ill(told):
                        return loop.time() - (self.lifted or started)
                await asyncio.sleep(0.03)
        raise AssertionError(f"not healed within {within} s: {told}")

    def postgres_processes(self) -> list[int]:
        """The ids of PostgreSQL's processes."""
        first = self.postgres.pid
        assert first is not None
        found = [first]
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError):
                parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == first:
                    found.append(int(place.name))
        return found


def ill(told: object) -> list[str]:
    """The parts that a server says are not well; its PostgreSQL does not wait for the disk here."""
    assert isinstance(told, dict)
    return [
        name
        for name, part in told["parts"].items()
        if isinstance(part, dict) and part.get("ok") is False and name != "durability"
    ]


@asynccontextmanager
async def staged(
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
    data: Path | None = None,
    postgres_settings: Mapping[str, str] = FAST,
    server_variables: Mapping[str, str] = MappingProxyType({}),
    workers: int = 1,
) -> AsyncIterator[Stage]:
    """Set the stage: everything runs and is well."""
    async with AsyncExitStack() as stack:
        directory = data or stack.enter_context(temporary_directory())
        postgres = postgres_server(directory, settings=postgres_settings)
        valkey = valkey_server(directory)
        await asyncio.to_thread(postgres.start)
        stack.callback(postgres.stop, "immediate")
        valkey.start()
        stack.callback(valkey.stop)
        postgres.ensure_database("torture")
        await migrate(postgres.database_url("torture"))

        place = Path(tempfile.mkdtemp(prefix="coffeert-torture-", dir="/tmp"))
        if "COFFEERT_KEEP" not in os.environ:
            stack.callback(shutil.rmtree, place, ignore_errors=True)
        shell = Shell(place, {})
        stage = Stage(postgres, valkey, shell)
        stage.server_variables = server_variables
        stage.workers = workers
        stage.before_postgres = await stack.enter_async_context(
            Proxy(postgres.directory.sockets / SOCKET, at=place / SOCKET)
        )
        redis_socket = Path(valkey.url.removeprefix("unix://"))
        stage.before_redis = await stack.enter_async_context(
            Proxy(redis_socket, at=place / "redis.sock")
        )
        stage.front = await stack.enter_async_context(Proxy(("127.0.0.1", stage.port)))
        shell.settings |= {
            "database_url": f"postgresql://postgres@/torture?host={quote(str(place))}&port=5432",
            "redis_url": f"unix://{place}/redis.sock",
            **_SETTINGS,
            **settings,
        }
        # In a thread: what ends still speaks to the databases, by way of the proxies here.
        stack.push_async_callback(asyncio.to_thread, shell.close)
        stack.callback(_wake_up, stage)
        stage.start_aggregator()
        stage.start_aggregator()
        await stage.start_server()
        await stage.healed()
        yield stage


def _wake_up(stage: Stage) -> None:
    """Let whatever a fault has frozen end."""
    for command in (stage.server, *stage.aggregators):
        if command.running:
            command.signal(signal.SIGCONT)
    with suppress(OSError, AssertionError):
        for pid in stage.postgres_processes():
            os.kill(pid, signal.SIGCONT)
