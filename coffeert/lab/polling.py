"""Readers that poll `/api/dashboard` instead of holding a WebSocket.

Run as `python -m coffeert.lab.polling`, a child process of the lab.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from coffeert.lab.child import Gate, serve
from coffeert.lab.connections import Connection, HttpConnection

_GET = b"GET /api/dashboard HTTP/1.1\r\nHost: lab\r\n"


class PollingJob(msgspec.Struct, frozen=True):
    """Connections that poll as fast as they are answered; `etag`: name the version one has."""

    host: str
    port: int
    connections: int
    seconds: float
    etag: bool


class PollingResult(msgspec.Struct, frozen=True):
    """Answers a second, how many of all had a body, bytes of the last answer, CPU of the pollers."""

    rate: float
    whole: int
    size: int
    cores: float


class Pollers:
    """Connections, each with one request under way."""

    def __init__(self, job: PollingJob) -> None:
        self.answers = self.whole = self.size = 0
        self.done = asyncio.Event()
        self._job = job
        self._wire = _GET + b"\r\n"
        self._until = 0.0

    def start(self, connections: list[HttpConnection]) -> None:
        """Begin to poll."""
        self._until = time.monotonic() + self._job.seconds
        for connection in connections:
            connection.send(0, self._wire)

    def answered(self, connection: Connection, status: int, answer: bytes) -> None:
        """Count an answer and poll again."""
        self.answers += 1
        if status == 200:
            self.whole += 1
            self.size = len(answer)
            if self._job.etag:
                at = answer.lower().find(b"etag: ") + 6
                tag = answer[at : answer.find(b"\r", at)]
                self._wire = _GET + b"If-None-Match: " + tag + b"\r\n\r\n"
        if time.monotonic() < self._until and status:
            connection.send(0, self._wire)
        else:
            self.done.set()


async def _run(job: PollingJob, gate: Gate) -> PollingResult:
    pollers, loop = Pollers(job), asyncio.get_running_loop()
    connections: list[HttpConnection] = []
    for _ in range(job.connections):
        _, connection = await loop.create_connection(
            lambda: HttpConnection(pollers), job.host, job.port
        )
        await connection.opened
        connections.append(connection)
    await gate.ready()
    cpu, began = time.process_time(), time.monotonic()
    pollers.start(connections)
    await pollers.done.wait()
    elapsed = time.monotonic() - began
    for connection in connections:
        connection.close()
    cores = (time.process_time() - cpu) / elapsed
    return PollingResult(pollers.answers / elapsed, pollers.whole, pollers.size, round(cores, 2))


if __name__ == "__main__":
    serve(PollingJob, _run)
