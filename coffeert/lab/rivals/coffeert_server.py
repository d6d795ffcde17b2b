"""`coffeert serve` as it comes, with its own PostgreSQL and Valkey; it is sent batches or single orders."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import deque
from pathlib import Path
from typing import Final, Literal

import psutil

from coffeert.cancellation import end
from coffeert.embedded import PostgresServer
from coffeert.embedded.services import DATABASE
from coffeert.lab.clients import WEBSOCKET_UPGRADE, HttpConnection, LoadConnection, WebSocketStream
from coffeert.lab.environment import connection_to, embedded_processes, free_port
from coffeert.lab.rivals.counts import CountReader, Counts
from coffeert.lab.rivals.results import OURS
from coffeert.lab.rivals.rival import ChildProcess, Rival, wait_for_port
from coffeert.postgres.queries import sql

CoffeertMode = Literal["batch", "single"]

_BATCH_SECONDS: Final = 0.005
_CONNECTIONS: Final = {"batch": 8, "single": 64}
_TOTALS = re.compile(rb'"totals":\{.*?"day":\[(\d+),')
_RECONNECT_SECONDS: Final = 0.02
_PASS_TIMEOUT_SECONDS: Final = 30.0


class CoffeertRival(Rival):
    """The server, with everything that it starts."""

    version = ""
    durable = "yes"
    parts = ("server", "PostgreSQL")

    def __init__(self, mode: CoffeertMode) -> None:
        self._mode = mode
        sent = "NDJSON each 5 ms" if mode == "batch" else "single orders over HTTP"
        self.name = f"{OURS} ({sent})"
        self.note = "checks, replays, WebSocket and page included"
        self._server: ChildProcess | None = None
        self._watching: asyncio.Task[None] | None = None

    def missing(self) -> str:
        return ""

    async def start(self, directory: Path, reader: CountReader) -> None:
        self._directory, self._port, self._reader = directory, free_port(), reader
        environment = {key: "" for key in os.environ if key.startswith("COFFEERT_")} | {
            "COFFEERT_DATA_DIR": str(directory), "COFFEERT_LOG_LEVEL": "warning",
        }  # fmt: skip
        command = (sys.executable, "-m", "coffeert", "serve", "--port", str(self._port))
        self._server = ChildProcess("server", command, directory, environment)
        await self._server.start()
        await wait_for_port(self._port, 60.0)
        self._watching = asyncio.create_task(_watch(self._port, reader), name="dashboard")

    async def kill(self, part: str) -> None:
        assert self._server is not None
        if part == "server":
            await self._server.kill()
            await self._server.start()
        else:
            for process in embedded_processes(self._directory, "postgres"):
                process.kill()  # the server starts it again

    def processes(self) -> list[psutil.Process]:
        assert self._server is not None
        return [
            *self._server.processes(),
            *embedded_processes(self._directory, "postgres"),
            *embedded_processes(self._directory, "valkey"),
        ]

    def sender(self) -> CoffeertSender:
        return CoffeertSender(self._port, self._mode)

    async def counts(self) -> Counts | None:
        """Read the sums of the rollups, after the next pass: a dashboard shows only an hour of minutes."""
        url, shown = (
            PostgresServer(self._directory).database_url(DATABASE),
            min(self._reader.latest),
        )
        found = Counts()
        async with connection_to(url) as connection, asyncio.timeout(_PASS_TIMEOUT_SECONDS):
            while min(found) < shown:
                row = await connection.fetchrow(sql("lab_rollup_orders"))
                assert row is not None
                found = Counts(row["minutes"], row["quarters"], row["days"])
                await asyncio.sleep(_RECONNECT_SECONDS)
        return found

    async def stop(self) -> None:
        if self._watching is not None:
            await end(self._watching)
        if self._server is not None:
            await self._server.stop()


async def _watch(port: int, reader: CountReader) -> None:
    """Read the orders of the last 30 days from each frame, as a dashboard would."""
    while True:
        try:
            receiver, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(WEBSOCKET_UPGRADE)
            stream = WebSocketStream()
            while data := await receiver.read(1 << 20):
                for payload in stream.receive(data):
                    if found := _TOTALS.search(payload):
                        counted = int(found[1])
                        reader.note(Counts(counted, counted, counted))
        except (ConnectionError, OSError):
            pass
        await asyncio.sleep(_RECONNECT_SECONDS)


class CoffeertSender:
    """Posts what has come within 5 ms as NDJSON, or each order for itself, on connections of its own.

    What was not answered when a connection broke is not sent again, as by the senders of the others.
    """

    def __init__(self, port: int, mode: CoffeertMode) -> None:
        self.acknowledged = 0
        self._port = port
        self._batches = mode == "batch"
        self._count = _CONNECTIONS[mode]
        self._waiting: deque[bytes] = deque()
        self._idle: deque[LoadConnection] = deque()
        self._in_flight: dict[LoadConnection, int] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._sent_at = 0.0
        self._loop = asyncio.get_running_loop()

    async def open(self) -> None:
        for _ in range(self._count):
            await self._connect()

    def send(self, order: bytes) -> None:
        self._waiting.append(order)
        if not self._batches:
            self._dispatch()

    def poll(self) -> None:
        if self._batches and self._loop.time() - self._sent_at >= _BATCH_SECONDS:
            self._dispatch()

    async def close(self) -> None:
        for task in tuple(self._connecting):
            await end(task)
        for connection in (*self._idle, *self._in_flight):
            connection.close()

    def answered(self, connection: LoadConnection, status: int, answer: bytes) -> None:
        orders, connection.index = self._in_flight.pop(connection, 0), -1
        if status in (200, 201):
            self.acknowledged += orders
        if status > 0:
            self._idle.append(connection)
        else:
            task = self._loop.create_task(self._connect(), name="connect")
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        if not self._batches:
            self._dispatch()

    def _dispatch(self) -> None:
        while self._waiting and self._idle:
            connection = self._idle.popleft()
            if self._batches:
                orders, body = len(self._waiting), b"\n".join(self._waiting) + b"\n"
                self._waiting.clear()
                self._sent_at = self._loop.time()
                wire = _post(b"/api/orders/batch", b"application/x-ndjson", body)
            else:
                orders, wire = (
                    1,
                    _post(b"/api/orders", b"application/json", self._waiting.popleft()),
                )
            self._in_flight[connection] = orders
            connection.send(0, wire)

    async def _connect(self) -> None:
        while True:
            try:
                _, connection = await self._loop.create_connection(
                    lambda: HttpConnection(self), "127.0.0.1", self._port
                )
                await connection.opened
            except OSError:
                await asyncio.sleep(_RECONNECT_SECONDS)
            else:
                self._idle.append(connection)
                return


def _post(path: bytes, content_type: bytes, body: bytes) -> bytes:
    return (
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
        % (path, content_type, len(body), body)
    )
